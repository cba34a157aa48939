import { expect, it } from 'vitest';
import { decode, encode } from '#libs/protocol';
import { type AgentSpeech, ProtocolSwitch } from './protocol-switch.ts';

const members = [1, 2, 3].map((id) => ({ id, name: `c${id}`, address: `10.0.0.${id}:7400` }));
const membership = { members, voters: [1, 2, 3], outgoing: [], learners: [] };

/** A group at level 1 whose controllers all speak 2. */
function groupWith(agents: () => readonly AgentSpeech[]) {
  let proposals = 0;
  const warnings: unknown[] = [];
  const protocolSwitch = new ProtocolSwitch({
    host: {
      store: { protocol: 1, ports: { encode, decode, crc32: () => 0 } },
      propose: () => {
        proposals += 1;
      },
      status: () => ({ membership, self: 1 }),
      fail: (error) => {
        throw error;
      },
    },
    network: { protocolOf: () => 2 },
    agents,
    log: {
      info: () => undefined,
      warn: (_message, fields) => warnings.push(fields),
      error: () => undefined,
    },
    ownMax: 2,
  });
  return { tick: () => protocolSwitch.tick(), proposals: () => proposals, warnings };
}

it('is proposed once all controllers and all agents speak it', () => {
  const group = groupWith(() => [{ name: 'main/pg1', protocol: 2 }]);
  group.tick();
  group.tick();
  expect(group.proposals()).toBe(1);
  expect(group.warnings).toEqual([]);
});

it('waits for an agent that is older or not connected, and names it once', () => {
  let agents: readonly AgentSpeech[] = [
    { name: 'main/pg1', protocol: 1 },
    { name: 'main/pg2', protocol: null },
    { name: 'main/pg3', protocol: 2 },
  ];
  const group = groupWith(() => agents);
  group.tick();
  group.tick();
  expect(group.proposals()).toBe(0);
  const waiting = 'main/pg1 (level 1), main/pg2 (not connected)';
  expect(group.warnings).toEqual([{ level: 2, waiting }]);
  agents = agents.map(({ name }) => ({ name, protocol: 2 }));
  group.tick();
  expect(group.proposals()).toBe(1);
});
