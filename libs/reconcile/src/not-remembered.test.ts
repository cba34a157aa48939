import { expect, it } from 'vitest';
import { epoch, guardIncarnation, instanceName, lsnOf, timelineId } from '#libs/kernel';
import { named, runningCluster, SYSTEM_IDENTIFIER } from '#libs/testing';
import type { ObservedCondition } from './condition.ts';
import { EMPTY_MEMORY } from './memory.ts';
import { Reconciler } from './reconciler.ts';

const FULL = 'nothing is done that is not remembered first, and acted.json cannot be written';

const stopped: ObservedCondition = {
  kind: 'stopped',
  guard: { incarnation: guardIncarnation('pg1-g1'), epoch: epoch(1) },
  detached: null,
  abandonedHandOver: null,
  systemIdentifier: SYSTEM_IDENTIFIER,
  own: { timeline: timelineId(1), ancestors: [] },
  walEnd: lsnOf(100n),
  cleanShutdown: false,
};

/** Of the primary pg1, whose state directory takes no write. */
function onFullDisk(cluster: ReturnType<typeof runningCluster>) {
  const begun: string[] = [];
  const reconciler = new Reconciler({
    instance: instanceName('pg1'),
    stream: cluster,
    confirmations: {
      latest: { controllersIncarnation: 'a' },
      covers: () => true,
      ask: () => undefined,
    },
    memory: {
      memory: EMPTY_MEMORY,
      keep: () => {
        throw new Error(FULL);
      },
    },
    condition: () => stopped,
    runner: {
      busy: false,
      running: null,
      superseded: () => undefined,
      mayBegin: () => true,
      begin: ({ kind }) => void begun.push(kind),
      rested: () => undefined,
    },
    facts: { abandonedHandOver: null },
    log: { info: () => undefined, debug: () => undefined },
    keepUp: () => undefined,
    setHurry: () => undefined,
  });
  reconciler.evaluate();
  return { begun, goal: reconciler.goal?.kind, problem: reconciler.problem };
}

it('what cannot be remembered is not done, and said', () => {
  expect(onFullDisk(runningCluster())).toEqual({ begun: [], goal: 'primary', problem: FULL });
});

it('its lease is given back all the same: another instance has room', () => {
  const cluster = runningCluster();
  cluster.command({ type: 'failover', to: named('pg2'), acceptLoss: true });
  expect(onFullDisk(cluster)).toEqual({ begun: ['release'], goal: 'yield', problem: FULL });
});
