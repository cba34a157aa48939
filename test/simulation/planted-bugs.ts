/** A change of the source under its name; a bug that is known, or one that keeps every promise. */
type Change = { readonly name: string };
/** What `seeds` runs of a changed source showed; a null rule: no seed failed. */
export type Found = { readonly seedsRun: number; readonly rule: string | null };

export type PlantedBugs<M extends Change> = {
  readonly planted: readonly M[];
  readonly seedsPerBug: number;
  readonly harmless: readonly M[];
  readonly seedsPerHarmless: number;
  readonly look: (change: M, seeds: number) => Promise<Found>;
};

const WORKERS = Number(option('workers') ?? 2);
const ONLY = new RegExp(option('only') ?? '');

/**
 * Plants each change and lets a simulator look for it. One line of JSON ends it: exit code 0 when every bug
 * was caught and nothing harmless was. `--only=REGEXP` takes some of them, `--workers=1` leaves a core to others.
 */
export async function findPlantedBugs<M extends Change>(bugs: PlantedBugs<M>): Promise<void> {
  const planted = await lookForAll(bugs.planted, bugs.seedsPerBug, bugs.look);
  const harmless = await lookForAll(bugs.harmless, bugs.seedsPerHarmless, bugs.look);
  const missed = planted.filter(({ rule }) => rule === null).map(({ name }) => name);
  const harmlessCaught = harmless.filter(({ rule }) => rule !== null).length;
  const caught = planted.length - missed.length;
  const summary = { planted: planted.length, caught, missed, harmlessCaught };
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  process.exitCode = missed.length === 0 && harmlessCaught === 0 ? 0 : 1;
}

async function lookForAll<M extends Change>(
  changes: readonly M[],
  seeds: number,
  look: PlantedBugs<M>['look'],
): Promise<readonly (Found & Change)[]> {
  const waiting = changes.filter(({ name }) => ONLY.test(name));
  const findings: (Found & Change)[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name } = next;
      const found = await look(next, seeds);
      findings.push({ name, ...found });
      const what = found.rule === null ? 'not caught' : `caught: ${found.rule.slice(0, 90)}`;
      process.stderr.write(`${name}: ${what} (${found.seedsRun} seeds)\n`);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return findings;
}

/** `--name=value` of the command line. */
export function option(name: string): string | undefined {
  const start = `--${name}=`;
  return process.argv.find((word) => word.startsWith(start))?.slice(start.length);
}
