import { type Prng, seededPrng } from '#libs/kernel';
import type { RaftConfig } from '#libs/raft';

export const TICK_MS = 50;

/** What a run is made of; all of it is drawn from the seed, so that runs differ in kind. */
export type Swarm = {
  readonly members: number;
  readonly joiners: number;
  readonly limits: Omit<RaftConfig, 'self'>;
  readonly safetyMs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  readonly delayMs: number;
  readonly tailChance: number;
  readonly tailMs: number;
  readonly writeMs: number;
  readonly slowWriteChance: number;
  readonly turnMs: number;
  readonly clockErrorPercent: number;
  readonly faultEveryMs: number;
  readonly faults: readonly FaultKind[];
  readonly proposeEveryMs: number;
  readonly readEveryMs: number;
  readonly operateEveryMs: number;
  readonly operations: readonly OperationKind[];
  readonly snapshotEveryEntries: number;
  readonly trailingEntries: number;
  /** On the real storage code snapshots travel in pieces of at most so many bytes. */
  readonly snapshotPieceBytes: number;
  /** Messages travel through the real codec, in frames of which some bits are flipped. */
  readonly codec: boolean;
  readonly flipChance: number;
  /** `store`: the real storage code with its recovery, on a disk in memory. */
  readonly disk: 'plain' | 'store';
  /** Clients with sessions, and the real event store as the state machine. */
  readonly sessions: boolean;
  /** States are compared through the log; features are switched on when all members have them. */
  readonly integrity: boolean;
  /** So many members start with the version before. */
  readonly oldMembers: number;
  /** So many disks, at most, lose or change what was acknowledged. */
  readonly damagedDisksMax: number;
  /** Members hear that a process ended. */
  readonly tellsEnds: boolean;
};

export type FaultKind =
  | 'crash'
  | 'restartStorm'
  | 'pause'
  | 'partition'
  | 'oneWay'
  | 'hub'
  | 'chain'
  | 'writeStall'
  | 'failedWrite'
  | 'damage'
  | 'copyDirectory'
  | 'diskReplaced'
  | 'upgrade'
  | 'oddState'
  | 'reset';
export type OperationKind = 'transfer' | 'membership' | 'campaignRush';

const FAULTS: readonly FaultKind[] = [
  'crash',
  'restartStorm',
  'pause',
  'partition',
  'oneWay',
  'hub',
  'chain',
  'writeStall',
];

export function swarmOf(seed: number): Swarm {
  const prng = seededPrng(seed);
  const members = prng.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5]);
  const quiet = prng.chance(0.1);
  const plain: Swarm = {
    members,
    joiners: prng.pick([0, 0, 1, 2, 3]),
    limits: limitsOf(prng),
    safetyMs: prng.range(6_000, 14_000),
    lossChance: prng.pick([0, 0, 0.01, 0.05, 0.2]),
    duplicateChance: prng.pick([0, 0.02, 0.15]),
    delayMs: prng.pick([0.3, 1, 5, 30]),
    tailChance: prng.pick([0, 0.01, 0.1]),
    tailMs: prng.pick([100, 600, 2_500]),
    writeMs: prng.pick([0.2, 2, 10, 40]),
    slowWriteChance: prng.pick([0, 0.02, 0.1]),
    turnMs: prng.pick([0, 0.5, 4]),
    clockErrorPercent: prng.pick([0, 1, 2, 20]),
    faultEveryMs: quiet ? 1_000_000 : prng.pick([150, 400, 1_000, 2_500]),
    faults: FAULTS.filter(() => prng.chance(0.6)),
    proposeEveryMs: prng.pick([3, 10, 25, 80]),
    readEveryMs: prng.pick([8, 30, 100]),
    operateEveryMs: prng.pick([80, 300, 1_200]),
    operations: (['transfer', 'membership', 'campaignRush'] as const).filter(() =>
      prng.chance(0.6),
    ),
    snapshotEveryEntries: prng.pick([5, 30, 150, 1_000_000]),
    trailingEntries: prng.pick([0, 3, 20]),
    snapshotPieceBytes: seededPrng(seed * 37 + 11).pick([16, 50, 400]),
    codec: false,
    sessions: false,
    integrity: false,
    oldMembers: 0,
    flipChance: 0,
    disk: 'plain',
    damagedDisksMax: 0,
    tellsEnds: false,
  };
  return told(seed, watched(seed, realised(seed, plain)));
}

/** In half of the worlds whose disks are sound, drawn apart, kernels tell of processes that ended; in some of them also of those that did not. */
function told(seed: number, swarm: Swarm): Swarm {
  const prng = seededPrng(seed * 41 + 13);
  if (swarm.damagedDisksMax > 0 || !prng.chance(0.5)) return swarm;
  const reset: readonly FaultKind[] = prng.chance(0.4) ? ['reset'] : [];
  return { ...swarm, tellsEnds: true, faults: [...swarm.faults, ...reset] };
}

/** In a share of the worlds with sessions, drawn apart: members of two versions, and one whose state goes wrong. */
function watched(seed: number, swarm: Swarm): Swarm {
  const prng = seededPrng(seed * 29 + 3);
  if (!swarm.sessions || !prng.chance(0.5)) return swarm;
  const oldMembers = prng.chance(0.6) ? prng.range(1, swarm.members) : 0;
  const upgrade: readonly FaultKind[] = oldMembers > 0 ? ['upgrade'] : [];
  const mixed = { ...swarm, integrity: true, oldMembers, faults: [...swarm.faults, ...upgrade] };
  const spare = swarm.members >= 3 && swarm.damagedDisksMax === 0;
  if (!spare || !prng.chance(0.6)) return mixed;
  return {
    ...mixed,
    faults: [...mixed.faults, 'oddState'],
    // A majority of the voters is sound, whatever is removed, and nobody gets his state from the odd one.
    operations: swarm.operations.filter((kind) => kind !== 'membership'),
    joiners: 0,
    snapshotEveryEntries: 1_000_000,
  };
}

/** Runs on the real storage code are shorter: each restart reads and checks a whole disk. */
const STORE_SAFETY_MS_MAX = 6_000;

/** How much real code takes part, drawn apart so that the rest of a seed's world stays what it was. */
function realised(seed: number, plain: Swarm): Swarm {
  const answerTicks = seededPrng(seed * 31 + 7).pick([0, 2, 3]);
  const limits = { ...plain.limits, answerTicks };
  const swarm = { ...plain, limits, sessions: seededPrng(seed * 11 + 2).chance(0.34) };
  const prng = seededPrng(seed * 13 + 5);
  const codec = prng.chance(0.4);
  const flipChance = codec ? prng.pick([0, 0.001, 0.03]) : 0;
  if (!prng.chance(0.34)) return { ...swarm, codec, flipChance };
  const damages = swarm.members >= 3 && prng.chance(0.5);
  const faults: readonly FaultKind[] = prng.chance(0.5)
    ? [...swarm.faults, 'failedWrite']
    : swarm.faults;
  const store = {
    ...swarm,
    codec,
    flipChance,
    disk: 'store',
    safetyMs: Math.min(swarm.safetyMs, STORE_SAFETY_MS_MAX),
    faults,
  } as const;
  if (!damages) return store;
  const replaced: readonly FaultKind[] = prng.chance(0.5) ? ['diskReplaced'] : [];
  return {
    ...store,
    faults: [...faults, 'damage', 'copyDirectory', ...replaced],
    damagedDisksMax: Math.floor((swarm.members - 1) / 2),
    // A quorum must be left whatever is removed: the group stays as it was founded.
    joiners: 0,
    operations: swarm.operations.filter((kind) => kind !== 'membership'),
  };
}

function limitsOf(prng: Prng): Swarm['limits'] {
  return {
    heartbeatTicks: prng.pick([1, 2]),
    electionTicks: prng.pick([6, 10]),
    maxAppendBytes: prng.pick([60, 400, 64_000]),
    maxInflightAppends: prng.pick([1, 3, 64]),
    maxInflightBytes: prng.pick([200, 4_000, 1_000_000]),
    maxUncommittedBytes: prng.pick([400, 5_000, 1_000_000]),
    cacheBytes: prng.pick([0, 300, 1_000_000]),
  };
}
