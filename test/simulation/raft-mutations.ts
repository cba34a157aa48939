import { HARMLESS, MUTATIONS, type Mutation } from './raft-bugs/index.ts';
import { raftSimulation } from './raft-simulation.ts';

/**
 * Plants each known bug and lets the simulator look for it (`npm run sim:mutations`). One line of JSON
 * ends it: exit code 0 when every bug was caught and nothing harmless was. `--only=REGEXP` takes some of
 * them, `--workers=1` leaves a core to others.
 */
const SEEDS_PER_MUTATION = 2_000;
const SEEDS_PER_HARMLESS = 300;
const WORKERS = Number(option('workers') ?? 2);

type Finding = {
  readonly mutation: Mutation;
  readonly seedsRun: number;
  readonly rule: string | null;
};

const only = option('only');
const planted = await findAll(chosen(MUTATIONS), SEEDS_PER_MUTATION);
const harmless = await findAll(chosen(HARMLESS), SEEDS_PER_HARMLESS);
const missed = planted.filter(({ rule }) => rule === null).map(({ mutation }) => mutation.name);
const harmlessCaught = harmless.filter(({ rule }) => rule !== null).length;
const summary = {
  planted: planted.length,
  caught: planted.length - missed.length,
  missed,
  harmlessCaught,
};
process.stdout.write(`${JSON.stringify(summary)}\n`);
process.exitCode = missed.length === 0 && harmlessCaught === 0 ? 0 : 1;

async function findAll(mutations: readonly Mutation[], seeds: number): Promise<readonly Finding[]> {
  const waiting = [...mutations];
  const findings: Finding[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const finding = await find(next, seeds);
      findings.push(finding);
      const what = finding.rule === null ? 'not caught' : `caught: ${finding.rule.slice(0, 90)}`;
      process.stderr.write(`${next.name}: ${what} (${finding.seedsRun} seeds)\n`);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return findings;
}

async function find(mutation: Mutation, seeds: number): Promise<Finding> {
  const bundle = await raftSimulation(mutation);
  try {
    const report = await bundle.run({ firstSeed: 1, count: seeds, stopAtViolation: true });
    const [first] = report.failed;
    return { mutation, seedsRun: report.seedsRun, rule: first?.violation ?? null };
  } finally {
    await bundle.close();
  }
}

/** `--name=value` of the command line. */
function option(name: string): string | undefined {
  const start = `--${name}=`;
  return process.argv.find((word) => word.startsWith(start))?.slice(start.length);
}

function chosen(mutations: readonly Mutation[]): readonly Mutation[] {
  return only === undefined
    ? mutations
    : mutations.filter(({ name }) => new RegExp(only).test(name));
}
