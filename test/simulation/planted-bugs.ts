import { commandLine } from '../command-line/command-line.ts';
import { flag, pattern, wholeNumber } from '../command-line/option.ts';

/** A change of the source under its name; a bug that is known, or one that keeps every promise. */
type Change = { readonly name: string };
/** What `seeds` runs of a changed source showed; a null rule: no seed failed. */
export type Found = { readonly seedsRun: number; readonly rule: string | null };

export type PlantedBugs<M extends Change> = {
  /** As it is typed, up to the options. */
  readonly command: string;
  readonly planted: readonly M[];
  readonly seedsPerBug: number;
  readonly harmless: readonly M[];
  readonly seedsPerHarmless: number;
  readonly look: (change: M, seeds: number) => Promise<Found>;
};

/**
 * Plants each change and lets a simulator look for it. One line of JSON ends it: exit code 0 when every bug
 * was caught and nothing harmless was.
 */
export async function findPlantedBugs<M extends Change>(bugs: PlantedBugs<M>): Promise<void> {
  const options = commandLine({
    command: bugs.command,
    purpose: `Plants each known bug in the source and lets the simulator look for it, and a few changes that keep every
promise. The last line is one object of JSON; exit code 0 when every bug was caught and nothing else.`,
    options: {
      only: pattern('only the changes whose name this regular expression finds'),
      seeds: wholeNumber('give a bug up after so many', bugs.seedsPerBug, 1),
      workers: wholeNumber('how many at once; 1 leaves a core to others', 2, 1),
      json: flag('as always: one object of JSON ends it'),
    },
  });
  const planted = await lookForAll(bugs.planted, options.seeds, bugs.look, options);
  const harmless = await lookForAll(bugs.harmless, bugs.seedsPerHarmless, bugs.look, options);
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
  { only, workers }: { readonly only: RegExp; readonly workers: number },
): Promise<readonly (Found & Change)[]> {
  const waiting = changes.filter(({ name }) => only.test(name));
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
  await Promise.all(Array.from({ length: workers }, work));
  return findings;
}
