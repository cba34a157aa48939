import type { WritingClient } from '#libs/outage';
import type { ClusterApi } from './cluster-api.ts';
import { type Fault, inflict } from './faults.ts';
import type { RunningCluster } from './running-cluster.ts';
import { until } from './until.ts';

export type MeasuredStep = {
  readonly fault: Fault;
  readonly gapMs: number;
  readonly dual: number;
  readonly lost: number;
};

const RECOVERY_LIMIT_MS = 60_000;
/** The outage has begun, or will not: no fault takes longer to be felt by a client. */
const FELT_WITHIN_MS = 1_000;
const WRITES_AGAIN_MS = 100;

/**
 * One fault from a healthy cluster to the next healthy cluster, as the client saw it. `lost` counts
 * what is missing at the end of the step and was not missing at its begin.
 */
export async function measureFault(
  fault: Fault,
  run: {
    readonly cluster: RunningCluster;
    readonly api: ClusterApi;
    readonly client: WritingClient;
  },
  lostBefore: number,
  signal?: AbortSignal,
): Promise<MeasuredStep & { readonly primary: string; readonly what: string }> {
  const { cluster, api, client } = run;
  const aborted = signal && { signal };
  client.mark();
  const what = await inflict(fault, cluster, api);
  const inflictedMs = performance.now();
  await until('the end of the outage', { limitMs: RECOVERY_LIMIT_MS, ...aborted }, async () => {
    const { openGapMs } = client.view();
    const felt = performance.now() - inflictedMs > FELT_WITHIN_MS;
    return felt && openGapMs < WRITES_AGAIN_MS
      ? { value: true }
      : { instead: `no write for ${Math.round(openGapMs)} ms` };
  });
  const primary = await cluster.untilHealthy(api, RECOVERY_LIMIT_MS, signal);
  const { gapMs, dual } = client.view();
  const lost = (await client.countLost(primary)) - lostBefore;
  return { fault, gapMs: Math.round(gapMs), dual, lost, primary, what };
}
