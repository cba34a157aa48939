import { parentPort } from 'node:worker_threads';
import {
  type ClusterSeedResult,
  type DrawnMode,
  type LessCluster,
  runClusterSeed,
  type SagaKill,
  shrinkClusterSeed,
} from '#libs/testing';

/** Seeds from `firstSeed` on, `count` of them; ends at the first violation when it is told so. */
export type ClusterOrder = {
  readonly firstSeed: number;
  readonly count: number;
  readonly mode: DrawnMode;
  readonly stopAtViolation: boolean;
  readonly less?: LessCluster;
  /** Worlds of minutes instead of seconds. */
  readonly long?: boolean;
  readonly shrink?: boolean;
  /** One of a pair of clusters. */
  readonly site?: boolean;
  /** A calm world with this saga alone, cut at another step of it by each seed. */
  readonly saga?: Saga;
};

export type Saga = Omit<SagaKill, 'step'>;
const SAGA_STEPS = 8;

export type ClusterReport = {
  readonly seedsRun: number;
  readonly failed: readonly (ClusterSeedResult & { readonly less: LessCluster | null })[];
  readonly totals: Readonly<Record<string, number>>;
};

/** One report an order; what is thrown ends the thread, and its order with it. */
async function work(order: ClusterOrder): Promise<ClusterReport> {
  const { firstSeed, count, mode, less = {}, long = false, site = false, saga } = order;
  const failed: ClusterReport['failed'][number][] = [];
  const totals: Record<string, number> = {};
  let seedsRun = 0;
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const killAfter = saga === undefined ? {} : { killAfter: { ...saga, step: seed % SAGA_STEPS } };
    const result = await runClusterSeed(seed, { mode, long, site, less, ...killAfter });
    seedsRun += 1;
    for (const [name, value] of Object.entries(result.stats)) {
      totals[name] = (totals[name] ?? 0) + value;
    }
    if (result.ok) continue;
    const world = { mode, long, site };
    const smaller = order.shrink === true ? await shrinkClusterSeed(result, world) : null;
    failed.push({ ...result, less: smaller });
    if (order.stopAtViolation) break;
  }
  return { seedsRun, failed, totals };
}

parentPort?.on('message', async (order: ClusterOrder) =>
  parentPort?.postMessage(await work(order)),
);
