import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { raftSimulation } from './raft-simulation.ts';
import type { SeedReport } from './raft-worker.ts';

/**
 * `npm run sim -- --hours N [--seed S]` runs seeds from S on until the time is over;
 * `npm run sim -- --seed S` repeats one. The last line is one object of JSON; exit code 1 when a seed
 * failed. `--history FILE` keeps what the clients of that one seed saw, one line of JSON an operation. `--workers 1` leaves a core to others; `--less` takes away part of a seed's world, as the report of a failure says.
 */
const SEEDS_PER_ORDER = 25;
const MS_PER_HOUR = 3_600_000;
const PROGRESS_EVERY_MS = 30_000;
/** Far above the seeds of `make test`, so that a swarm looks at others. */
const FIRST_SWARM_SEED = 100_000;

const { values } = parseArgs({
  options: {
    ...{ hours: { type: 'string' }, seed: { type: 'string' }, less: { type: 'string' } },
    workers: { type: 'string', default: '2' },
    history: { type: 'string' },
  },
});
const bundle = await raftSimulation(null);
const startedMs = performance.now();
const failures: { readonly seed: number; readonly violation: string; readonly repeat: string }[] =
  [];
const totals: Record<string, number> = {};
let seeds = 0;
let toldMs = startedMs;
try {
  if (values.hours === undefined) await repeatOne(Number(values.seed ?? 1));
  else await runFor(Number(values.hours) * MS_PER_HOUR, Number(values.seed ?? FIRST_SWARM_SEED));
} finally {
  await bundle.close();
}
process.stdout.write(`${JSON.stringify(summary())}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function repeatOne(seed: number): Promise<void> {
  const less = values.less === undefined ? {} : JSON.parse(values.less);
  const keepHistory = values.history !== undefined;
  const order = { firstSeed: seed, count: 1, stopAtViolation: false, less, keepHistory };
  const report = await bundle.run(order);
  if (values.history !== undefined) writeFileSync(values.history, report.history);
  take(report);
}

async function runFor(durationMs: number, firstSeed: number): Promise<void> {
  let next = firstSeed;
  const work = async (): Promise<void> => {
    while (performance.now() - startedMs < durationMs) {
      const order = { firstSeed: next, count: SEEDS_PER_ORDER, stopAtViolation: false };
      next += SEEDS_PER_ORDER;
      take(await bundle.run({ ...order, shrink: true }));
      tellProgress();
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, work));
}

function take(report: SeedReport): void {
  seeds += report.seedsRun;
  for (const [name, value] of Object.entries(report.totals)) {
    totals[name] = (totals[name] ?? 0) + value;
  }
  for (const { seed, violation, shrunk } of report.failed) {
    const less = shrunk === null ? '' : ` --less '${JSON.stringify(shrunk.less)}'`;
    const failure = {
      seed,
      violation: shrunk?.violation ?? violation ?? '',
      repeat: `npm run sim -- --seed ${seed}${less}`,
    };
    failures.push(failure);
    process.stderr.write(`seed ${seed}: ${failure.violation}\n  ${failure.repeat}\n`);
  }
}

function tellProgress(): void {
  const nowMs = performance.now();
  if (nowMs - toldMs < PROGRESS_EVERY_MS) return;
  toldMs = nowMs;
  const { simulatedHours } = summary();
  const found = `${seeds} seeds, ${simulatedHours} simulated hours, ${failures.length} failed`;
  process.stderr.write(`${Math.round((nowMs - startedMs) / 1_000)} s: ${found}\n`);
}

function summary() {
  return {
    seeds,
    simulatedHours: Math.round((100 * (totals['simulatedMs'] ?? 0)) / MS_PER_HOUR) / 100,
    realHours: Math.round((1_000 * (performance.now() - startedMs)) / MS_PER_HOUR) / 1_000,
    failures,
    totals,
  };
}
