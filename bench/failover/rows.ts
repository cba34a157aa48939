import { groupBy } from '../shared/group-by.ts';
import { percentile } from '../shared/percentile.ts';
import type { MeasuredRun } from './runs-file.ts';

/** One line of the report: every run of one fault on one system. */
export type Row = {
  readonly system: string;
  readonly mode: string;
  readonly fault: string;
  readonly runs: number;
  readonly gapP50Ms: number;
  readonly gapP99Ms: number;
  readonly dual: number;
  readonly lost: number;
};

/** Gaps as percentiles, dual and lost of all runs together. */
export function rowsOf(runs: readonly MeasuredRun[]): Row[] {
  const groups = groupBy(runs, ({ system, mode, fault }) => `${system} ${mode} ${fault}`);
  return [...groups.values()].flatMap((group): Row[] => {
    const [first] = group;
    if (first === undefined) return [];
    const gaps = group.map(({ gapMs }) => gapMs).toSorted((a, b) => a - b);
    return [
      {
        system: first.system,
        mode: first.mode,
        fault: first.fault,
        runs: group.length,
        gapP50Ms: percentile(gaps, 50) ?? 0,
        gapP99Ms: percentile(gaps, 99) ?? 0,
        dual: sum(group.map(({ dual }) => dual)),
        lost: sum(group.map(({ lost }) => lost)),
      },
    ];
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
