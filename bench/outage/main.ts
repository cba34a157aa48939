import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { WritingClient } from '#libs/outage';
import { DirectoryClaim } from '../../apps/cli/src/demo/directories.ts';
import type { Fault } from '../../apps/cli/src/demo/faults.ts';
import { HttpClusterApi } from '../../apps/cli/src/demo/http-cluster-api.ts';
import { measureFault } from '../../apps/cli/src/demo/measured-step.ts';
import { loopbackPlan } from '../../apps/cli/src/demo/plan.ts';
import { RunningCluster } from '../../apps/cli/src/demo/running-cluster.ts';
import { commandLine } from '../../test/command-line/command-line.ts';
import { flag, someOf, text, wholeNumber } from '../../test/command-line/option.ts';
import { percentile } from '../shared/percentile.ts';
import { GapWatch } from './gap-watch.ts';
import { timelineOf } from './timeline.ts';

const FAULTS = [
  'postmaster-kill',
  'guard-kill',
  'manager-kill',
  'controller-kill',
  'switchover',
] as const satisfies readonly Fault[];
const values = commandLine({
  command: 'node dist/bench/outage/main.js',
  purpose: `Repeats faults on one cluster and says how long each outage was for a writing client, with the
machine's load, since figures of a busy machine say little.`,
  options: {
    faults: someOf<Fault>('which', FAULTS, ['switchover']),
    times: wholeNumber('each', 10, 1),
    'port-base': wholeNumber('the first port of the cluster', 19_400, 1),
    dir: text('where the cluster lies (default: a new temporary directory)', null),
    timeline: flag('all that any process logged from the last commit before to the first after'),
  },
});
const BOOTSTRAP_LIMIT_MS = 60_000;
const SETTLE_LIMIT_MS = 30_000;
/** A host that was just repaired has its spare guard again, and is not busy with itself. */
const BETWEEN_MS = 5_500;
/** What led to the outage is worth seeing too. */
const BEFORE_MS = 150;
const AFTER_MS = 30;

const { faults } = values;
const claim = DirectoryClaim.take(values.dir);
const plan = loopbackPlan(claim.directory, values['port-base']);
const cluster = new RunningCluster(plan, { clientNetwork: '127.0.0.1/32' });
await cluster.prepare();
const api = new HttpClusterApi(plan);
const client = new WritingClient({
  hosts: cluster.databaseHosts,
  credentials: cluster.credentials,
});
const watch = new GapWatch(client);
try {
  const startedMs = Date.now();
  await cluster.start(api);
  const primary = await cluster.untilStreaming(2, BOOTSTRAP_LIMIT_MS);
  const streamingMs = Date.now();
  if (values.timeline) showLines('bootstrap', startedMs, streamingMs, 0);
  say({ bootstrapMs: streamingMs - startedMs, load: load() });
  await cluster.untilHealthy(api, SETTLE_LIMIT_MS);
  await client.prepare(primary);
  client.start();
  for (const fault of faults) await repeat(fault, values.times);
} finally {
  watch.stop();
  await client.stop();
  const killed = await cluster.stop();
  if (killed.length > 0) say({ hadToBeKilled: killed });
  claim.release();
}

async function repeat(fault: Fault, times: number): Promise<void> {
  const gapsMs: number[] = [];
  let dual = 0;
  let lost = 0;
  for (let round = 0; round < times; round += 1) {
    await pause(BETWEEN_MS);
    watch.forget();
    const step = await measureFault(fault, { cluster, api, client }, lost);
    dual += step.dual;
    lost += step.lost;
    gapsMs.push(step.gapMs);
    if (values.timeline) showTimeline(fault, step.gapMs);
  }
  const sorted = gapsMs.toSorted((a, b) => a - b);
  const [p50, p99] = [percentile(sorted, 50), percentile(sorted, 99)];
  say({ fault, times, p50Ms: p50, p99Ms: p99, gapsMs, dual, lost, load: load() });
}

function showTimeline(fault: Fault, gapMs: number): void {
  const gap = watch.longest;
  if (gap === null) return;
  showLines(`${fault}: no commit for ${gapMs} ms`, gap.fromMs, gap.toMs + AFTER_MS, BEFORE_MS);
}

function showLines(title: string, zeroMs: number, toMs: number, beforeMs: number): void {
  process.stdout.write(`--- ${title}\n`);
  for (const { atMs, who, text } of timelineOf(plan, zeroMs - beforeMs, toMs)) {
    const sinceMs = String(Math.round(atMs - zeroMs)).padStart(6);
    process.stdout.write(`${sinceMs} ${who.padEnd(12)} ${text}\n`);
  }
}

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}
