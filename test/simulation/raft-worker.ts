import { parentPort } from 'node:worker_threads';
import {
  type LessWorld,
  runRaftSeed,
  type SeedResult,
  type Shrunk,
  shrinkSeed,
} from '#libs/testing';

/** Seeds from `firstSeed` on, `count` of them; ends at the first violation when it is told so. */
export type SeedOrder = {
  readonly firstSeed: number;
  readonly count: number;
  readonly stopAtViolation: boolean;
  readonly less?: LessWorld;
  /** A run that fails is tried again with less of its world. */
  readonly shrink?: boolean;
  /** The histories of clients come with the report. */
  readonly keepHistory?: boolean;
};

export type SeedReport = {
  readonly seedsRun: number;
  readonly failed: readonly (SeedResult & { readonly shrunk: Shrunk | null })[];
  readonly totals: Readonly<Record<string, number>>;
  /** One line of JSON an operation. */
  readonly history: string;
};

/** No safety phase is longer. */
const SAFETY_MS_MAX = 16_000;

/** One report an order; what is thrown ends the thread, and its order with it. */
async function work(order: SeedOrder): Promise<SeedReport> {
  const { firstSeed, count, less = {}, keepHistory = false } = order;
  let history = '';
  const failed: SeedReport['failed'][number][] = [];
  const totals: Record<string, number> = {};
  let seedsRun = 0;
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const result = await runRaftSeed(seed, { less, keepHistory });
    history += result.history;
    seedsRun += 1;
    for (const [name, value] of Object.entries(result.stats)) {
      totals[name] = (totals[name] ?? 0) + value;
    }
    const { violation } = result;
    if (violation === null) continue;
    const shrunk = order.shrink === true ? await shrink(seed, violation) : null;
    failed.push({ ...result, shrunk });
    if (order.stopAtViolation) break;
  }
  return { seedsRun, failed, totals, history };
}

function shrink(seed: number, violation: string): Promise<Shrunk> {
  const attempt = async (less: LessWorld): Promise<string | null> =>
    (await runRaftSeed(seed, { less })).violation;
  return shrinkSeed(violation, SAFETY_MS_MAX, attempt);
}

parentPort?.on('message', async (order: SeedOrder) => parentPort?.postMessage(await work(order)));
