import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '#libs/process';
import { HostNetwork } from './host-network.ts';
import { ip } from './namespaces.ts';
import { removeNetworksOfTheDead } from './network-id.ts';

const network = new HostNetwork(['n1', 'n2']);

beforeAll(async () => {
  await network.create();
});

afterAll(async () => {
  await network.remove();
});

/** Whether a ping from one host is answered by the other. */
async function answers(from: string, to: string): Promise<boolean> {
  const namespace = network.hosts.find(({ name }) => name === from)?.namespace;
  const address = network.hosts.find(({ name }) => name === to)?.address ?? '';
  const { exitCode } = await run(
    ['nsenter', `--net=/run/netns/${namespace}`, 'bash', '-c', tcpProbe(address)],
    { timeoutMs: 5_000, acceptExitCodes: [0, 1, 124] },
  );
  return exitCode === 0;
}

/** A refused connection is an answer: it needs both ways. */
function tcpProbe(address: string): string {
  return `timeout 0.3 bash -c 'echo > /dev/tcp/${address}/9' 2>&1 | grep -q refused`;
}

it('joins its hosts, cuts a cable, and plugs it in again', async () => {
  expect(await answers('n1', 'n2')).toBe(true);
  await network.cut('n2');
  expect(await answers('n1', 'n2')).toBe(false);
  await network.heal('n2');
  expect(await answers('n1', 'n2')).toBe(true);
});

it('loses what one host sends to another', async () => {
  await network.cutOneWay('n1', 'n2');
  expect(await answers('n1', 'n2')).toBe(false);
  await network.healOneWay('n1');
  expect(await answers('n2', 'n1')).toBe(true);
});

it('parts two groups, and heals everything', async () => {
  await network.partition(['n1'], ['n2']);
  expect(await answers('n1', 'n2')).toBe(false);
  expect(await answers('n2', 'n1')).toBe(false);
  await network.cut('n1');
  await network.healAll();
  expect(await answers('n1', 'n2')).toBe(true);
});

it('removes what a run left that is dead, with its processes, and nothing of the living', async () => {
  const dead = 'm4194305a-n1';
  await ip('netns', 'add', dead);
  const left = spawn('nsenter', [`--net=/run/netns/${dead}`, 'sleep', '60']);
  const ended = once(left, 'exit');
  await expect.poll(async () => (await ip('netns', 'pids', dead)).stdout).toContain(`${left.pid}`);
  await removeNetworksOfTheDead();
  expect((await ended)[1]).toBe('SIGKILL');
  const { stdout } = await ip('netns', 'list');
  expect(stdout).not.toContain(dead);
  expect(stdout).toContain(network.host('n1').namespace);
});
