import { performance } from 'node:perf_hooks';
import { messageOf } from '#libs/kernel';
import { WritingClient } from '#libs/outage';
import type { ClusterApi } from './cluster-api.ts';
import type { Fault } from './faults.ts';
import { type MeasuredStep, measureFault } from './measured-step.ts';
import type { RunningCluster } from './running-cluster.ts';

/** The one line of JSON that `matriarch demo --check` prints. */
export type CheckReport = {
  readonly ok: boolean;
  /** From the start of the processes to a primary with two streaming standbys. */
  readonly bootstrapMs: number | null;
  readonly streamingStandbys: number;
  readonly steps: readonly MeasuredStep[];
  /** Only when it ended early. */
  readonly error?: string;
};

const FAULTS: readonly Fault[] = ['postmaster-kill', 'guard-kill', 'controller-kill', 'switchover'];
const BOOTSTRAP_LIMIT_MS = 60_000;
const SETTLE_LIMIT_MS = 30_000;

/** Bootstraps, writes, inflicts each fault in turn; never throws, the report says what went wrong. */
export async function runCheck(
  cluster: RunningCluster,
  api: ClusterApi,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<CheckReport> {
  const steps: MeasuredStep[] = [];
  let bootstrapMs: number | null = null;
  const client = new WritingClient({
    hosts: cluster.databaseHosts,
    credentials: cluster.credentials,
  });
  try {
    const startedMs = performance.now();
    await cluster.start(api, signal);
    let primary = await cluster.untilStreaming(2, BOOTSTRAP_LIMIT_MS, signal);
    bootstrapMs = Math.round(performance.now() - startedMs);
    tell(`primary ${primary} and two streaming standbys after ${bootstrapMs} ms`);
    await cluster.untilHealthy(api, SETTLE_LIMIT_MS, signal);
    await client.prepare(primary);
    client.start();
    let lost = 0;
    for (const fault of FAULTS) {
      const step = await measureFault(fault, { cluster, api, client }, lost, signal);
      ({ primary } = step);
      lost += step.lost;
      const { gapMs, dual } = step;
      steps.push({ fault, gapMs, dual, lost: step.lost });
      tell(`${step.what}: gap ${gapMs} ms, dual ${dual}, lost ${step.lost}; primary ${primary}`);
    }
    await client.stop();
    primary = await cluster.untilHealthy(api, SETTLE_LIMIT_MS, signal);
    const { streamingStandbys } = await cluster.observe();
    const clean = steps.every((step) => step.dual === 0 && step.lost === 0);
    const ok = clean && streamingStandbys === 2 && (await client.countLost(primary)) === 0;
    return { ok, bootstrapMs, streamingStandbys, steps };
  } catch (error) {
    await client.stop();
    const { streamingStandbys } = await cluster.observe();
    return { ok: false, bootstrapMs, streamingStandbys, steps, error: messageOf(error) };
  }
}
