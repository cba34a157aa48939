import { parentPort } from 'node:worker_threads';
import { runForcedGroup, runWokenLeader, type WokenLeaderResult } from '#libs/testing';

export type ScheduleOrder = {
  readonly schedule: 'wokenLeader' | 'forcedGroup';
  readonly seeds: number;
};

/** Schedules that are written down, each with `seeds` different timings. */
async function work({ schedule, seeds }: ScheduleOrder): Promise<readonly WokenLeaderResult[]> {
  const results: WokenLeaderResult[] = [];
  for (let seed = 1; seed <= seeds; seed += 1) {
    if (schedule === 'wokenLeader') results.push(await runWokenLeader(seed));
    else results.push({ history: [], violation: await runForcedGroup(seed) });
  }
  return results;
}

parentPort?.on('message', async (order: ScheduleOrder) =>
  parentPort?.postMessage(await work(order)),
);
