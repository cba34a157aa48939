import { setTimeout as pause } from 'node:timers/promises';
import type { WritingClient } from '#libs/outage';
import { until } from '../../apps/cli/src/demo/until.ts';
import { loadAverage } from '../shared/machine.ts';
import { untilCounted } from '../shared/writing.ts';
import type { Fault } from './fault.ts';
import { inflict } from './inflict.ts';
import type { MeasuredRun } from './runs-file.ts';
import type { SystemUnderTest } from './systems/system.ts';

/** Until here every fault has made itself felt; what follows is what comes of it later. */
const FELT_WITHIN_MS = 1_500;
/**
 * A manager that is gone is watched for 45 s, since a lease of 30 s of Patroni's has to end before another
 * host takes over. Ours goes on without an agent for 30 s by default.
 */
const WATCHED_MS: Partial<Record<Fault, number>> = {
  'manager-kill': 45_000,
  'manager-stop': 45_000,
};
const SETTLE_MS = 2_000;
const OUTAGE_LIMIT_MS = 120_000;
const HEALTHY_LIMIT_MS = 180_000;
const WRITES_AGAIN_MS = 100;
const STANDBYS = 2;

/** One fault from a healthy cluster to the next healthy cluster, as the writing client saw it. */
export async function measureRun(
  fault: Fault,
  system: SystemUnderTest,
  client: WritingClient,
): Promise<MeasuredRun> {
  const before = await system.untilStreaming(STANDBYS, HEALTHY_LIMIT_MS);
  // What went before ends in step with the renewals: without chance the lease would always be as old.
  await pause(SETTLE_MS + Math.random() * system.beatMs);
  const lostBefore = await untilCounted(client, before);
  await system.phasesMs();
  const load = loadAverage();
  client.mark();
  const inflictedMs = performance.now();
  const repair = await inflict(fault, system, before);
  const watchedMs = WATCHED_MS[fault] ?? FELT_WITHIN_MS;
  await until(`the end of ${fault}`, { limitMs: OUTAGE_LIMIT_MS + watchedMs }, async () => {
    const { openGapMs } = client.view();
    const watched = performance.now() - inflictedMs > watchedMs;
    return watched && openGapMs < WRITES_AGAIN_MS
      ? { value: true }
      : { instead: `no write for ${Math.round(openGapMs)} ms` };
  });
  const { gapMs } = client.view();
  await repair();
  const after = await system.untilStreaming(STANDBYS, HEALTHY_LIMIT_MS);
  const lost = (await untilCounted(client, after)) - lostBefore;
  return {
    at: new Date().toISOString(),
    system: system.system,
    mode: system.mode,
    fault,
    gapMs: Math.round(gapMs),
    dual: client.view().dual,
    lost,
    load,
    phasesMs: await system.phasesMs(),
  };
}
