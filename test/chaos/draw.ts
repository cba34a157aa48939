import type { Prng } from '#libs/kernel';
import {
  CONTROLLER_ROLES,
  DATABASE_ROLES,
  INSTANCE_PARTS,
  ROLES,
  type Role,
  type Strike,
  type TimedStrike,
} from './strike.ts';

/** How often one kind is drawn against the others; what hits the primary is worth more. */
const WEIGHTS: readonly { readonly weight: number; readonly draw: (prng: Prng) => Strike }[] = [
  {
    weight: 5,
    draw: (prng) => ({ kind: 'kill', what: prng.pick(INSTANCE_PARTS), on: database(prng) }),
  },
  {
    weight: 5,
    draw: (prng) => ({ kind: 'stop', what: prng.pick(INSTANCE_PARTS), on: database(prng) }),
  },
  {
    weight: 3,
    draw: (prng) => ({ kind: 'kill-controllers', which: someOf(prng, CONTROLLER_ROLES) }),
  },
  {
    weight: 2,
    draw: (prng) => ({ kind: 'stop-controllers', which: someOf(prng, CONTROLLER_ROLES) }),
  },
  { weight: 3, draw: (prng) => ({ kind: 'power-off', hosts: [prng.pick(ROLES)] }) },
  { weight: 2, draw: () => ({ kind: 'power-off', hosts: ['primary'] }) },
  { weight: 1, draw: () => ({ kind: 'power-off', hosts: ['primary', 'leader'] }) },
  { weight: 1, draw: () => ({ kind: 'power-off', hosts: [...ROLES] }) },
  { weight: 3, draw: (prng) => ({ kind: 'cut', hosts: [prng.pick(ROLES)] }) },
  { weight: 1, draw: () => ({ kind: 'cut', hosts: ['primary'] }) },
  { weight: 3, draw: oneWay },
  { weight: 4, draw: (prng) => ({ kind: 'partition', group: someOf(prng, ROLES) }) },
  {
    weight: 1,
    draw: (prng) => ({ kind: 'partition', group: ['primary', prng.pick(CONTROLLER_ROLES)] }),
  },
  { weight: 1, draw: () => ({ kind: 'disk-full', on: 'primary' }) },
  { weight: 2, draw: clockStep },
  { weight: 2, draw: () => ({ kind: 'switchover' }) },
];
const TOTAL = WEIGHTS.reduce((sum, { weight }) => sum + weight, 0);
const MORE_STRIKES = 0.55;
const STRIKES_MAX = 4;
const SOON_MS = 4_000;
const HOLD_SHORT_MS = [100, 2_000] as const;
const HOLD_LONG_MS = [2_000, 9_000] as const;
const CLOCK_STEP_MAX_S = 7_200;

/** Some strikes that overlap: the second one often hits while the cluster still answers the first. */
export function drawRound(prng: Prng): TimedStrike[] {
  const strikes: TimedStrike[] = [];
  do {
    const [shortest, longest] = prng.chance(0.5) ? HOLD_SHORT_MS : HOLD_LONG_MS;
    const afterMs = strikes.length === 0 ? 0 : prng.range(0, SOON_MS);
    strikes.push({ ...drawStrike(prng), afterMs, holdMs: prng.range(shortest, longest) });
  } while (strikes.length < STRIKES_MAX && prng.chance(MORE_STRIKES));
  return strikes;
}

function drawStrike(prng: Prng): Strike {
  let place = prng.range(1, TOTAL);
  for (const { weight, draw } of WEIGHTS) {
    place -= weight;
    if (place <= 0) return draw(prng);
  }
  return { kind: 'switchover' };
}

/** Half of what hits a database hits the primary. */
function database(prng: Prng) {
  return prng.chance(0.5) ? 'primary' : prng.pick(DATABASE_ROLES);
}

/** One to all of them; in the order given. */
function someOf<T>(prng: Prng, all: readonly T[]): T[] {
  const chosen = all.filter(() => prng.chance(0.5));
  return chosen.length > 0 ? chosen : [prng.pick(all)];
}

function oneWay(prng: Prng): Strike {
  const from: Role = prng.chance(0.5) ? 'primary' : prng.pick(ROLES);
  return { kind: 'one-way', from, to: prng.pick(ROLES.filter((role) => role !== from)) };
}

function clockStep(prng: Prng): Strike {
  const seconds = prng.range(-CLOCK_STEP_MAX_S, CLOCK_STEP_MAX_S);
  return { kind: 'clock-step', on: prng.pick(ROLES), seconds };
}
