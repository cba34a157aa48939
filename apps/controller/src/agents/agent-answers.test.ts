import { expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { clusterName, type InstanceName } from '#libs/kernel';
import type { AgentPatterns } from '#libs/protocol';
import { hostLost, named, runningCluster } from '#libs/testing';
import { AgentAnswers, type AgentAnswersOptions } from './agent-answers.ts';
import type { AgentConnection } from './agent-connection.ts';

type Ask = AgentPatterns['permitDestruction']['ask'];
type Round = { readonly onConfirmed: (index: number) => void; readonly onUnconfirmed: () => void };

/** A leader whose rounds are confirmed, or not, when the test says so. */
function leading() {
  const rounds: Round[] = [];
  const world: { state: ClusterState } = { state: runningCluster().state };
  const observations = { of: () => ({ instances: {}, lastKnown: null, lease: null }) };
  const service = { names: { check: () => undefined }, observations, leaseOf: () => null };
  const options = {
    host: {
      store: { cluster: () => world.state, incarnation: null, protocol: 1 },
      confirm: (round: Round) => void rounds.push(round),
      applies: { whenApplied: (_index: number, then: () => void) => then() },
    },
    service: () => service,
    leaderName: () => 'c2',
    foundingIncarnation: 'founders',
  };
  const answers = new AgentAnswers(options as unknown as AgentAnswersOptions);
  const of = (instance: InstanceName) =>
    ({ identity: { cluster: clusterName('demo'), instance } }) as AgentConnection;
  const asks = (change: Partial<Ask> = {}, instance = named('pg2')) =>
    answers.permitDestruction(of(instance), {
      ...{ step: 'rebuild', version: world.state.version },
      ...change,
    });
  const confirm = () => answers.confirm(of(named('pg2')));
  const confirmed = () => {
    for (const round of rounds.splice(0)) round.onConfirmed(7);
  };
  const replaced = () => {
    for (const round of rounds.splice(0)) round.onUnconfirmed();
  };
  return { world, asks, confirm, confirmed, replaced };
}

it('what destroys is permitted by the state that still asks for it (safety 4)', async () => {
  const { asks, confirmed } = leading();
  const answer = asks();
  confirmed();
  expect(await answer).toMatchObject({ permitted: true });
});

it('and judged by what had happened when leadership was proved, not when it was asked', async () => {
  const { world, asks, confirmed } = leading();
  const answer = asks();
  const { version } = world.state;
  world.state = { ...world.state, version: version + 1 };
  confirmed();
  const why = `version ${version} was asked for, ${version + 1} stands`;
  expect(await answer).toEqual({ permitted: false, why });
});

it.each([
  ['by an order that does not stand', { order: 99 }, /rebuild order 99.*none/],
  ['in place, where nobody else has all data', { inPlace: true }, /./],
])('not %s', async (_how, change, why) => {
  const { asks, confirmed } = leading();
  const answer = asks(change);
  confirmed();
  expect(await answer).toMatchObject({ permitted: false, why: expect.stringMatching(why) });
});

it('not while nobody has confirmed what the controllers were restored to', async () => {
  const { world, asks, confirmed } = leading();
  const restored = { confirmed: false } as NonNullable<ClusterState['restored']>;
  world.state = { ...world.state, restored };
  const answer = asks();
  confirmed();
  expect(await answer).toMatchObject({
    permitted: false,
    why: expect.stringContaining('restored'),
  });
});

it('a copy aside is put back where an operator ordered that, and nothing else is done there (safety 25)', async () => {
  const { world, asks, confirmed } = leading();
  const verdict = async (step: Ask['step']) => {
    const answer = asks({ step });
    confirmed();
    return (await answer).permitted;
  };
  expect(await verdict('putBack')).toBe(false);
  const failover = hostLost(runningCluster(), 'pg1');
  failover.settle();
  world.state = failover.state;
  expect(await verdict('putBack')).toBe(false);
  if (world.state.operation.kind !== 'failover') throw new Error('a failover is under way');
  const ordered = { candidate: named('pg2'), copyAside: true } as const;
  world.state = { ...world.state, operation: { ...world.state.operation, ...ordered } };
  expect(await verdict('putBack')).toBe(true);
  expect(await verdict('rebuild')).toBe(false);
});

it('not of the data of the present primary', async () => {
  const { asks, confirmed } = leading();
  const answer = asks({}, named('pg1'));
  confirmed();
  expect(await answer).toEqual({ permitted: false, why: "its goal is 'primary'" });
});

it('nothing is confirmed or permitted by a leader that was replaced before it was asked (safety 4)', async () => {
  const { asks, confirm, replaced } = leading();
  const answers = Promise.allSettled([asks(), confirm()]);
  replaced();
  const refused = { status: 'rejected', reason: { code: 'NOT_LEADER', leader: 'c2' } };
  expect(await answers).toMatchObject([refused, refused]);
});
