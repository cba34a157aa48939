import { expect, it } from 'vitest';
import { guardIncarnation, instanceName, lsnOf, timelineId } from '#libs/kernel';
import { named, runningCluster, SYSTEM_IDENTIFIER } from '#libs/testing';
import type { ObservedCondition } from './condition.ts';
import { EMPTY_MEMORY } from './memory.ts';
import { Reconciler } from './reconciler.ts';

const around = {
  guard: { incarnation: guardIncarnation('pg2-g1'), epoch: null },
  detached: null,
  abandonedHandOver: null,
  systemIdentifier: SYSTEM_IDENTIFIER,
  own: { timeline: timelineId(1), ancestors: [] },
  walEnd: lsnOf(100n),
};

type Upstream = Extract<ObservedCondition, { kind: 'standby' }>['upstream'];
const streaming = (upstream: Upstream): ObservedCondition => {
  return { ...around, kind: 'standby', upstream, receiving: true };
};

/** How soon an instance wants its next look, and whether it tells the leader of each. */
function hasteOf(name: string, cluster: ReturnType<typeof runningCluster>) {
  const upstream = cluster.state.members[named('pg1')]?.postgres ?? null;
  let asked: readonly [string, boolean] | null = null;
  const reconciler = new Reconciler({
    instance: instanceName(name),
    stream: cluster,
    confirmations: { latest: null, covers: () => true, ask: () => undefined },
    memory: { memory: EMPTY_MEMORY, keep: () => undefined },
    condition: () => streaming(upstream),
    runner: {
      busy: false,
      running: null,
      superseded: () => undefined,
      mayBegin: () => false,
      begin: () => undefined,
      rested: () => undefined,
    },
    facts: { abandonedHandOver: null },
    log: { info: () => undefined, debug: () => undefined },
    keepUp: () => undefined,
    setHurry: (observe, report) => {
      asked = [observe, report];
    },
  });
  reconciler.evaluate();
  return asked;
}

it('a standby that streams is in no hurry', () => {
  expect(hasteOf('pg2', runningCluster())).toEqual(['none', false]);
});

it('the target of a switchover looks soon again, and tells what it sees; no other standby does', () => {
  const cluster = runningCluster();
  cluster.command({ type: 'switchover', to: named('pg2') });
  expect(hasteOf('pg2', cluster)).toEqual(['soon', false]);
  expect(hasteOf('pg3', cluster)).toEqual(['none', false]);
});

it('what is not as it should be is looked at without a pause, and told only where others wait for it', () => {
  const cluster = runningCluster();
  expect(hasteOf('pg1', cluster)).toEqual(['now', true]);
});
