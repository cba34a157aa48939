import { parseArgs } from 'node:util';
import { FAULTS, type Fault, MODES, type Mode, SYSTEMS, type SystemName } from './fault.ts';

export const USAGE = `npm run bench:failover -- --json [--peer patroni,patroni-fast,pgaf] [--fault host-death,...]
    [--mode async|sync|quorum] [--runs N] [--only-peers] [--seconds N] [--fresh]

Repeats faults on Matriarch and its peers in network namespaces of this machine (as root) and says how
long a writing client had no acknowledged commit, how many acknowledgements were dual, how many lost.

  --peer LIST     also these systems (default: ours alone)
  --only-peers    the peers alone
  --fault LIST    ${FAULTS.join(', ')} (default: all)
  --runs N        runs of each fault (default 30 for host-death and switchover of ours, 10 for its other
                  faults, 3 for peers); 0: only write the tables from earlier runs
  --seconds N     begin no further run after this time; runs are kept, the next call adds to them
  --fresh         forget earlier runs of what is measured now
  --table FILE    writes the table between its markers in FILE, and the picture beside it
  --runs-file F   where runs are kept (default docs/failover-runs.jsonl)
`;

export type BenchArguments = {
  readonly json: boolean;
  readonly systems: readonly SystemName[];
  readonly faults: readonly Fault[];
  readonly mode: Mode;
  /** Null: the default of system and fault. */
  readonly runs: number | null;
  readonly seconds: number;
  readonly fresh: boolean;
  readonly table: string | null;
  readonly runsFile: string;
};

export class BenchArgumentError extends Error {}

export function readArguments(argv: readonly string[]): BenchArguments | 'help' {
  const options = {
    json: { type: 'boolean', default: false },
    peer: { type: 'string', default: '' },
    'only-peers': { type: 'boolean', default: false },
    fault: { type: 'string', default: FAULTS.join(',') },
    mode: { type: 'string', default: 'async' },
    runs: { type: 'string' },
    seconds: { type: 'string', default: '100000' },
    fresh: { type: 'boolean', default: false },
    table: { type: 'string' },
    'runs-file': { type: 'string', default: 'docs/failover-runs.jsonl' },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...argv], options, strict: true });
  if (values.help) return 'help';
  const peers = someOf('peer', SYSTEMS, values.peer);
  const [mode = 'async'] = someOf('mode', MODES, values.mode);
  return {
    json: values.json,
    systems: values['only-peers'] ? peers : [...new Set(['matriarch' as const, ...peers])],
    faults: someOf('fault', FAULTS, values.fault),
    mode,
    runs: values.runs === undefined ? null : wholeNumber('runs', values.runs),
    seconds: wholeNumber('seconds', values.seconds),
    fresh: values.fresh,
    table: values.table ?? null,
    runsFile: values['runs-file'],
  };
}

function someOf<T extends string>(option: string, known: readonly T[], wanted: string): T[] {
  const names = wanted.split(',').filter((name) => name !== '');
  return names.map((name) => {
    const found = known.find((candidate) => candidate === name);
    if (found !== undefined) return found;
    throw new BenchArgumentError(`--${option} '${name}': it must be one of ${known.join(', ')}`);
  });
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new BenchArgumentError(`--${option} '${text}': it must be a whole number`);
}
