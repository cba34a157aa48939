import { performance } from 'node:perf_hooks';
import { CLUSTER_MODES, type DrawnMode, type LessCluster } from '#libs/testing';
import { commandLine } from '../command-line/command-line.ts';
import { amount, flag, json, oneOf, wholeNumber } from '../command-line/option.ts';
import { clusterSimulation } from './cluster-simulation.ts';
import type { ClusterReport } from './cluster-worker.ts';
import { interruption } from './interruption.ts';

const SEEDS_PER_ORDER = 20;
const MS_PER_HOUR = 3_600_000;
const PROGRESS_EVERY_MS = 30_000;
/** Far above the seeds of `make test`, so that a swarm looks at others. */
const FIRST_SWARM_SEED = 100_000;

const values = commandLine({
  command: 'npm run sim:cluster --',
  purpose: `Runs whole clusters in simulated worlds, one drawn from each seed. Without --hours and --seeds one seed
is repeated. The last line is one object of JSON; exit code 1 when a seed failed.`,
  options: {
    hours: amount('run seeds until this time is over', null),
    seeds: wholeNumber('run so many seeds', null, 1),
    seed: wholeNumber(`the first seed, or the one (default ${FIRST_SWARM_SEED} or 1)`, null),
    mode: oneOf<DrawnMode>('of replication', ['any', ...CLUSTER_MODES], 'any'),
    less: json<LessCluster>('what one seed goes without, as the report of a failure says', {}),
    long: flag('worlds of ten minutes'),
    pair: flag('the cluster is one of a pair: the writing goes to another site and comes back'),
    workers: wholeNumber('how many at once; 1 leaves a core to others', 2, 1),
    json: flag('as always: one object of JSON ends it'),
  },
});
const { long, mode, less, pair: site } = values;
const bundle = await clusterSimulation([]);
const interrupted = interruption();
const startedMs = performance.now();
const failures: { readonly seed: number; readonly violation: string; readonly repeat: string }[] =
  [];
const totals: Record<string, number> = {};
let seeds = 0;
let toldMs = startedMs;
try {
  const { hours, seeds: wanted, seed } = values;
  const first = seed ?? FIRST_SWARM_SEED;
  if (hours === null && wanted === null) await repeatOne(seed ?? 1);
  else await run(first, wanted ?? Infinity, (hours ?? Infinity) * MS_PER_HOUR);
} finally {
  await bundle.close();
}
process.stdout.write(`${JSON.stringify(summary())}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function repeatOne(seed: number): Promise<void> {
  take(
    await bundle.run({ firstSeed: seed, count: 1, mode, long, site, stopAtViolation: false, less }),
  );
}

async function run(firstSeed: number, wanted: number, durationMs: number): Promise<void> {
  let next = firstSeed;
  const end = firstSeed + wanted;
  const work = async (): Promise<void> => {
    while (next < end && !interrupted.asked && performance.now() - startedMs < durationMs) {
      const count = Math.min(long ? 1 : SEEDS_PER_ORDER, end - next);
      const order = {
        firstSeed: next,
        count,
        mode,
        long,
        site,
        stopAtViolation: false,
        shrink: true,
      };
      next += count;
      take(await bundle.run(order));
      tellProgress();
    }
  };
  await Promise.all(Array.from({ length: values.workers }, work));
}

function take(report: ClusterReport): void {
  seeds += report.seedsRun;
  for (const [name, value] of Object.entries(report.totals)) {
    totals[name] = (totals[name] ?? 0) + value;
  }
  for (const { seed, violation, less } of report.failed) {
    const smaller = less === null ? '' : ` --less '${JSON.stringify(less)}'`;
    const repeat = `npm run sim:cluster -- --mode ${mode}${long ? ' --long' : ''}${site ? ' --pair' : ''} --seed ${seed}${smaller}`;
    failures.push({ seed, violation: violation ?? '', repeat });
    process.stderr.write(`seed ${seed}: ${violation}\n  ${repeat}\n`);
  }
}

function tellProgress(): void {
  const nowMs = performance.now();
  if (nowMs - toldMs < PROGRESS_EVERY_MS) return;
  toldMs = nowMs;
  const { clusterHours } = summary();
  const found = `${seeds} seeds, ${clusterHours} cluster-hours, ${failures.length} failed`;
  process.stderr.write(`${Math.round((nowMs - startedMs) / 1_000)} s: ${found}\n`);
}

function summary() {
  const simulatedMs = totals['simulatedMs'] ?? 0;
  return {
    mode,
    seeds,
    clusterHours: Math.round((100 * simulatedMs) / MS_PER_HOUR) / 100,
    realHours: Math.round((1_000 * (performance.now() - startedMs)) / MS_PER_HOUR) / 1_000,
    faults: totals['faults'] ?? 0,
    faultEveryMs: Math.round(simulatedMs / Math.max(1, totals['faults'] ?? 0)),
    violations: failures.length,
    failures,
    totals,
  };
}
