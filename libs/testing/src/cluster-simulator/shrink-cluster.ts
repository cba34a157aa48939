import { CLUSTER_FAULTS, HUNG_DISK, LATE_ANSWERS, STRIKES } from './cluster-swarm.ts';
import {
  type ClusterSeedOptions,
  type ClusterSeedResult,
  type LessCluster,
  runClusterSeed,
} from './run-cluster-seed.ts';

const LONGEST_MS = 30_000;
const LONGEST_OF_LONG_MS = 600_000;
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
  for (const kind of [STRIKES, LATE_ANSWERS, HUNG_DISK, ...CLUSTER_FAULTS] as const) {
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
