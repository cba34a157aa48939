import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { LessWorld } from '#libs/testing';
import { commandLine } from '../command-line/command-line.ts';
import { amount, flag, json, text, wholeNumber } from '../command-line/option.ts';
import { interruption } from './interruption.ts';
import { raftSimulation } from './raft-simulation.ts';
import type { SeedReport } from './raft-worker.ts';

const SEEDS_PER_ORDER = 25;
const MS_PER_HOUR = 3_600_000;
const PROGRESS_EVERY_MS = 30_000;
/** Far above the seeds of `make test`, so that a swarm looks at others. */
const FIRST_SWARM_SEED = 100_000;

const values = commandLine({
  command: 'npm run sim --',
  purpose: `Runs the consensus machine in simulated worlds, one drawn from each seed. Without --hours one seed
is repeated. The last line is one object of JSON; exit code 1 when a seed failed.`,
  options: {
    hours: amount('run seeds until this time is over', null),
    seed: wholeNumber(`the first seed, or the one (default ${FIRST_SWARM_SEED} or 1)`, null),
    workers: wholeNumber('how many at once; 1 leaves a core to others', 2, 1),
    less: json<LessWorld>('what one seed goes without, as the report of a failure says', {}),
    history: text('a file for what clients of one seed saw, one line of JSON an operation', null),
    json: flag('as always: one object of JSON ends it'),
  },
});
const bundle = await raftSimulation(null);
const interrupted = interruption();
const startedMs = performance.now();
const failures: { readonly seed: number; readonly violation: string; readonly repeat: string }[] =
  [];
const totals: Record<string, number> = {};
let seeds = 0;
let toldMs = startedMs;
try {
  if (values.hours === null) await repeatOne(values.seed ?? 1);
  else await runFor(values.hours * MS_PER_HOUR, values.seed ?? FIRST_SWARM_SEED);
} finally {
  await bundle.close();
}
process.stdout.write(`${JSON.stringify(summary())}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

async function repeatOne(seed: number): Promise<void> {
  const keepHistory = values.history !== null;
  const order = {
    firstSeed: seed,
    count: 1,
    stopAtViolation: false,
    less: values.less,
    keepHistory,
  };
  const report = await bundle.run(order);
  if (values.history !== null) writeFileSync(values.history, report.history);
  take(report);
}

async function runFor(durationMs: number, firstSeed: number): Promise<void> {
  let next = firstSeed;
  const work = async (): Promise<void> => {
    while (!interrupted.asked && performance.now() - startedMs < durationMs) {
      const order = { firstSeed: next, count: SEEDS_PER_ORDER, stopAtViolation: false };
      next += SEEDS_PER_ORDER;
      take(await bundle.run({ ...order, shrink: true }));
      tellProgress();
    }
  };
  await Promise.all(Array.from({ length: values.workers }, work));
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
