import type { Swarm } from './swarm.ts';

/** What is taken away from a drawn world, so that a failure is easier to read. */
export type LessWorld = {
  readonly safetyMs?: number;
  /** Names of faults and operations that do not happen. */
  readonly without?: readonly string[];
  /** No loss, no duplicates, no late packets, no flipped bits. */
  readonly calmNetwork?: boolean;
};

export type Shrunk = { readonly less: LessWorld; readonly violation: string };

type Attempt = (less: LessWorld) => Promise<string | null>;

const NAMES = [
  ...['crash', 'restartStorm', 'pause', 'partition', 'oneWay', 'hub', 'chain', 'writeStall'],
  ...[
    'failedWrite',
    'damage',
    'copyDirectory',
    'diskReplaced',
    'upgrade',
    'oddState',
    'reset',
    'transfer',
    'membership',
    'campaignRush',
  ],
] as const;
/** A run is not cut shorter than to the first multiple of this that still fails. */
const SHORTEST_STEP_MS = 100;
const RULE_WORDS = 4;

export function shrunkSwarm(swarm: Swarm, less: LessWorld): Swarm {
  const without = new Set(less.without ?? []);
  const shorter = {
    ...swarm,
    safetyMs: Math.min(swarm.safetyMs, less.safetyMs ?? swarm.safetyMs),
    faults: swarm.faults.filter((kind) => !without.has(kind)),
    operations: swarm.operations.filter((kind) => !without.has(kind)),
  };
  if (less.calmNetwork !== true) return shorter;
  return { ...shorter, lossChance: 0, duplicateChance: 0, tailChance: 0, flipChance: 0 };
}

/**
 * Looks for less that breaks the same rule: a calm network, each fault left out that may be, then the
 * shortest run by bisection. `attempt` gives the violation of a run, null when there is none.
 */
export async function shrinkSeed(
  violation: string,
  safetyMs: number,
  attempt: Attempt,
): Promise<Shrunk> {
  let best: Shrunk = { less: {}, violation };
  const improves = async (less: LessWorld): Promise<boolean> => {
    const found = await attempt(less);
    if (found === null || ruleOf(found) !== ruleOf(violation)) return false;
    best = { less, violation: found };
    return true;
  };
  await improves({ calmNetwork: true });
  for (const name of NAMES) {
    await improves({ ...best.less, without: [...(best.less.without ?? []), name] });
  }
  let [passes, fails] = [0, safetyMs];
  while (fails - passes > SHORTEST_STEP_MS) {
    const middle = Math.round((passes + fails) / 2);
    if (await improves({ ...best.less, safetyMs: middle })) fails = middle;
    else passes = middle;
  }
  return best;
}

function ruleOf(violation: string): string {
  return violation.split(' ').slice(0, RULE_WORDS).join(' ');
}
