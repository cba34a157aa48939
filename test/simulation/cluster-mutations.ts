import { CLUSTER_HARMLESS, CLUSTER_MUTATIONS, type ClusterMutation } from './cluster-bugs/index.ts';
import { clusterSimulation } from './cluster-simulation.ts';

/**
 * Plants each known bug of decisions, lease and guard, and lets the simulator of whole clusters look for
 * it (`npm run sim:cluster-mutations`). One line of JSON ends it: exit code 0 when every bug was caught
 * and nothing harmless was. `--only=REGEXP` takes some of them, `--seeds=N` gives up sooner,
 * `--workers=1` leaves a core to others.
 */
const SEEDS_PER_MUTATION = Number(option('seeds') ?? 2_000);
const SEEDS_PER_HARMLESS = 150;
const WORKERS = Number(option('workers') ?? 2);

type Finding = {
  readonly mutation: ClusterMutation;
  readonly seedsRun: number;
  readonly rule: string | null;
};

const only = option('only');
const planted = await findAll(chosen(CLUSTER_MUTATIONS), SEEDS_PER_MUTATION);
const harmless = await findAll(chosen(CLUSTER_HARMLESS), SEEDS_PER_HARMLESS);
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

async function findAll(
  mutations: readonly ClusterMutation[],
  seeds: number,
): Promise<readonly Finding[]> {
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

async function find(mutation: ClusterMutation, seeds: number): Promise<Finding> {
  const bundle = await clusterSimulation(mutation.patches);
  try {
    const order = { firstSeed: 1, count: seeds, mode: mutation.mode ?? 'any' } as const;
    const report = await bundle.run({ ...order, stopAtViolation: true });
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

function chosen(mutations: readonly ClusterMutation[]): readonly ClusterMutation[] {
  return only === undefined
    ? mutations
    : mutations.filter(({ name }) => new RegExp(only).test(name));
}
