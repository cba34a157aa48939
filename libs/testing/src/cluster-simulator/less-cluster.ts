import {
  type ClusterFault,
  type ClusterSwarm,
  LATE_ANSWERS,
  LOST_EXPIRIES,
  STRIKES,
} from './cluster-swarm.ts';

const LONG_SAFETY_MS = 600_000;

type BesideFaults = typeof STRIKES | typeof LATE_ANSWERS | typeof LOST_EXPIRIES;

export type LessCluster = {
  readonly safetyMs?: number;
  readonly without?: readonly (ClusterFault | BesideFaults)[];
  /** No loss, no late packets. */
  readonly calmNetwork?: boolean;
};

/** Faults every 2.5 s on average, and never more than 5 s apart. */
export function lengthened(swarm: ClusterSwarm): ClusterSwarm {
  return { ...swarm, safetyMs: LONG_SAFETY_MS, faultEveryMs: 2_500, writeEveryMs: 150 };
}

/** Three controllers beside three instances in a good world. */
export function calm(swarm: ClusterSwarm): ClusterSwarm {
  const size = { instances: 3, controllers: 3, shared: false, noFailover: null };
  const network = { lossChance: 0, tailChance: 0, delayMs: 0.5 };
  return { ...swarm, ...size, ...network, safetyMs: 30_000, lagMsOf: () => 0, bulkChance: 0 };
}

export function lessOf(swarm: ClusterSwarm, less: LessCluster): ClusterSwarm {
  const without = new Set<string>(less.without ?? []);
  const shorter = {
    ...swarm,
    safetyMs: Math.min(swarm.safetyMs, less.safetyMs ?? swarm.safetyMs),
    faults: swarm.faults.filter((kind) => !without.has(kind)),
    strikeChance: without.has(STRIKES) ? 0 : swarm.strikeChance,
    lateAnswers: swarm.lateAnswers && !without.has(LATE_ANSWERS),
    lostExpiries: swarm.lostExpiries && !without.has(LOST_EXPIRIES),
  };
  return less.calmNetwork === true ? { ...shorter, lossChance: 0, tailChance: 0 } : shorter;
}
