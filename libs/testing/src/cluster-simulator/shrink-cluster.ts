import {
  CLUSTER_FAULTS,
  HUNG_DISK,
  LATE_ANSWERS,
  LOST_EXPIRIES,
  STRIKES,
} from './cluster-swarm.ts';
import type { LessCluster } from './less-cluster.ts';
import {
  type ClusterSeedOptions,
  type ClusterSeedResult,
  runClusterSeed,
} from './run-cluster-seed.ts';

const LONGEST_MS = 30_000;
const LONGEST_OF_LONG_MS = 600_000;
const BESIDE = [STRIKES, LATE_ANSWERS, LOST_EXPIRIES, HUNG_DISK] as const;
const SHORTEST_STEP_MS = 200;
const RULE_WORDS = 4;

/** Looks for less that breaks the same rule: a calm network, fewer kinds of faults, a shorter run. */
export async function shrinkClusterSeed(
  { seed, violation }: ClusterSeedResult,
  world: Pick<ClusterSeedOptions, 'mode' | 'long' | 'site'>,
): Promise<LessCluster> {
  let best: LessCluster = {};
  const improves = async (less: LessCluster): Promise<boolean> => {
    const found = (await runClusterSeed(seed, { ...world, less })).violation;
    if (found === null || ruleOf(found) !== ruleOf(violation ?? '')) return false;
    best = less;
    return true;
  };
  await improves({ calmNetwork: true });
  for (const kind of [...BESIDE, ...CLUSTER_FAULTS]) {
    await improves({ ...best, without: [...(best.without ?? []), kind] });
  }
  let [passes, fails] = [0, world.long === true ? LONGEST_OF_LONG_MS : LONGEST_MS];
  while (fails - passes > SHORTEST_STEP_MS) {
    const middle = Math.round((passes + fails) / 2);
    if (await improves({ ...best, safetyMs: middle })) fails = middle;
    else passes = middle;
  }
  return best;
}

function ruleOf(violation: string): string {
  return violation.split(' ').slice(0, RULE_WORDS).join(' ');
}
