import { type ClusterSettings, DEFAULT_SETTINGS } from '#libs/cluster';
import { type Prng, seededPrng } from '#libs/kernel';
import { RENEWALS_PER_SECOND } from '#libs/leader';

export const CLUSTER_MODES = ['async', 'sync', 'quorum'] as const;
export type ClusterMode = (typeof CLUSTER_MODES)[number];
/** `any`: drawn from the seed. */
export type DrawnMode = ClusterMode | 'any';

export const CLUSTER_FAULTS = [
  'killController',
  'killControllerMajority',
  'killAllControllers',
  'pauseController',
  'killAgent',
  'pauseAgent',
  'killGuard',
  'pauseGuard',
  'pauseGuardAndAgent',
  'killPostmaster',
  'powerOff',
  'freezeHost',
  'isolateHost',
  'cutLink',
  'cutOneWay',
  'slowNetwork',
  'diskFull',
  'slowPromotion',
  'holdReload',
  'slowStop',
  'restartAll',
  'switchover',
  'failover',
  'pauseCluster',
] as const;
/** Drawn apart from the others, so that older seeds still draw what they drew. */
export const HUNG_DISK = 'hangDisk';
export type ClusterFault = (typeof CLUSTER_FAULTS)[number] | typeof HUNG_DISK;
/** What strikes right after a step of a saga, beside faults at any time. */
export const STRIKES = 'strikes';
/** Answers that come late, and nothing after them, beside faults at any time. */
export const LATE_ANSWERS = 'lateAnswers';
/** The leader lost while the end of an epoch is under way, beside faults at any time. */
export const LOST_EXPIRIES = 'lostExpiries';

const SYNCHRONOUS_MODES = { async: 'off', sync: 'priority', quorum: 'quorum' } as const;

/** What a run is made of; all of it is drawn from the seed, so that runs differ in kind. */
export type ClusterSwarm = {
  readonly seed: number;
  readonly mode: ClusterMode;
  readonly instances: number;
  readonly controllers: number;
  /** Controllers on the database hosts. */
  readonly shared: boolean;
  readonly settings: ClusterSettings;
  /** Faults begin after the cluster was made, and go on for so long. */
  readonly safetyMs: number;
  readonly faultEveryMs: number;
  readonly faults: readonly ClusterFault[];
  /** Of a fault at the instance in question right after a grant, a promotion or a change of the sync set. */
  readonly strikeChance: number;
  readonly lateAnswers: boolean;
  readonly lostExpiries: boolean;
  readonly delayMs: number;
  readonly lossChance: number;
  readonly tailChance: number;
  readonly tailMs: number;
  readonly clockErrorRatio: number;
  readonly wallErrorMs: number;
  readonly controllerWriteMs: number;
  readonly flushMaxMs: number;
  readonly writeEveryMs: number;
  readonly bulkChance: number;
  readonly recoveryMaxMs: number;
  readonly cloneMaxMs: number;
  readonly slowQuitChance: number;
  readonly lostDeathSignalChance: number;
  /** An instance that is tagged so. */
  readonly noFailover: string | null;
  /** An instance that is preferred as primary; it fetches what it lacks first. */
  readonly preferred: string | null;
  /** An instance that commits never wait for. */
  readonly noSync: string | null;
  /** Added to what each standby gets. */
  readonly lagMsOf: (instance: string) => number;
  /** Of all clusters together; a leader asks guards to renew more seldom when more would come. */
  readonly renewalsPerSecond: number;
  /** A walsender that is busy sending reads changed files late. */
  readonly slowReloadChance: number;
};

export function clusterSwarmOf(seed: number, asked: DrawnMode): ClusterSwarm {
  const prng = seededPrng(seed * 3 + 1);
  const forSync = seededPrng(seed * 11 + 3);
  const hangs = seededPrng(seed * 17 + 5).chance(0.3);
  const crowded = seededPrng(seed * 23 + 11).chance(0.3);
  const lateAnswers = seededPrng(seed * 29 + 13).chance(0.3);
  const lostExpiries = seededPrng(seed * 31 + 17).chance(0.3);
  const preferred = seededPrng(seed * 19 + 7).pick([null, null, 'pg2', 'pg3']);
  const drawn = forSync.pick(CLUSTER_MODES);
  const strict = forSync.chance(0.3);
  const mode = asked === 'any' ? drawn : asked;
  const lagging = prng.pick(['pg2', 'pg3', null, null]);
  const lagMs = prng.pick([5, 60, 400]);
  return {
    seed,
    mode,
    instances: prng.pick([2, 3, 3, 3, 3, 4]),
    controllers: prng.pick([1, 3, 3, 3, 3, 5]),
    shared: prng.chance(0.5),
    settings: settingsOf(prng, forSync, mode, strict),
    safetyMs: prng.range(10_000, 30_000),
    faultEveryMs: prng.pick([500, 1_200, 2_500, 2_500, 4_000]),
    faults: [
      ...CLUSTER_FAULTS.filter(() => prng.chance(0.55)),
      ...(hangs ? ([HUNG_DISK] as const) : []),
    ],
    delayMs: prng.pick([0.2, 0.5, 2, 10]),
    lossChance: prng.pick([0, 0, 0.002, 0.02]),
    tailChance: prng.pick([0, 0, 0.005, 0.02]),
    tailMs: prng.pick([100, 500, 1_500]),
    clockErrorRatio: prng.pick([0, 0.0001, 0.0099]),
    wallErrorMs: prng.pick([0, 50, 600_000]),
    controllerWriteMs: prng.pick([1, 4, 20]),
    flushMaxMs: prng.pick([1, 4, 15]),
    writeEveryMs: prng.pick([10, 30, 80]),
    bulkChance: prng.pick([0, 0.02, 0.2]),
    recoveryMaxMs: prng.pick([100, 600, 3_000]),
    cloneMaxMs: prng.pick([300, 1_500, 4_000]),
    slowQuitChance: prng.pick([0, 0.1, 0.5]),
    lostDeathSignalChance: prng.pick([0, 0, 0.2]),
    noFailover: prng.pick([null, null, null, 'pg3']),
    preferred,
    lagMsOf: (instance) => (instance === lagging ? lagMs : 0),
    renewalsPerSecond: crowded ? 1 : RENEWALS_PER_SECOND,
    slowReloadChance: forSync.pick([0, 0.05, 0.3]),
    strikeChance: forSync.pick([0, 0.1, 0.3]),
    lateAnswers,
    lostExpiries,
    // With `strict` somebody must be left to wait for.
    noSync: strict ? null : forSync.pick([null, null, null, 'pg2']),
  };
}

function settingsOf(
  prng: Prng,
  forSync: Prng,
  mode: ClusterMode,
  strict: boolean,
): ClusterSettings {
  return {
    ...DEFAULT_SETTINGS,
    // Runs are short.
    hungPrimaryMs: 3_000,
    maximumLagOnFailoverBytes: prng.pick([0n, 2_000n, 100_000n, 1_048_576n]),
    synchronousMode: SYNCHRONOUS_MODES[mode],
    synchronousStrict: strict,
    synchronousNodeCount: forSync.pick([1, 1, 1, 2]),
    maximumLagOnSyncStandbyBytes: forSync.pick([67_108_864n, 67_108_864n, 200_000n]),
  };
}
