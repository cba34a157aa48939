import { parentPort, workerData } from 'node:worker_threads';
import { runRaftSeed, type SeedResult } from '#libs/testing';

/** Seeds from `firstSeed` on, `count` of them; ends at the first violation when it is told so. */
export type SeedOrder = {
  readonly firstSeed: number;
  readonly count: number;
  readonly stopAtViolation: boolean;
};

export type SeedReport = {
  readonly seedsRun: number;
  readonly failed: readonly SeedResult[];
  readonly totals: Readonly<Record<string, number>>;
};

/** A worker thread's life: one order, one report. */
function work(order: SeedOrder): SeedReport {
  const failed: SeedResult[] = [];
  const totals: Record<string, number> = {};
  let seedsRun = 0;
  for (let seed = order.firstSeed; seed < order.firstSeed + order.count; seed += 1) {
    const result = runRaftSeed(seed);
    seedsRun += 1;
    for (const [name, value] of Object.entries(result.stats)) {
      totals[name] = (totals[name] ?? 0) + value;
    }
    if (result.ok) continue;
    failed.push(result);
    if (order.stopAtViolation) break;
  }
  return { seedsRun, failed, totals };
}

parentPort?.postMessage(work(workerData as SeedOrder));
