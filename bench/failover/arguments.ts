import { commandLine } from '../../test/command-line/command-line.ts';
import { flag, oneOf, someOf, text, wholeNumber } from '../../test/command-line/option.ts';
import { FAULTS, type Fault, MODES, type Mode, SYSTEMS, type SystemName } from './fault.ts';

export type BenchArguments = {
  readonly systems: readonly SystemName[];
  readonly faults: readonly Fault[];
  readonly mode: Mode;
  /** Null: the default of system and fault. */
  readonly runs: number | null;
  readonly seconds: number;
  readonly fresh: boolean;
  /** Logs and data of ours stay where they are when a run fails. */
  readonly keep: boolean;
  readonly table: string | null;
  readonly runsFile: string;
};

export function readArguments(): BenchArguments {
  const values = commandLine({
    command: 'npm run bench:failover --',
    purpose: `Repeats faults on Matriarch and its peers in network namespaces of this machine (as root) and says how
long a writing client had no acknowledged commit, how many acknowledgements were dual, how many lost.`,
    options: {
      peer: someOf('also these systems', SYSTEMS, []),
      'only-peers': flag('the peers alone'),
      fault: someOf('which', FAULTS, FAULTS),
      mode: oneOf('of replication', MODES, 'async'),
      runs: wholeNumber(
        'of each fault (default 30 for host-death and switchover of ours, 10 for its other faults, 3 for peers); 0: only write the tables from earlier runs',
        null,
      ),
      seconds: wholeNumber(
        'begin no further run after so many; runs are kept, the next call adds to them',
        100_000,
      ),
      fresh: flag('forget earlier runs of what is measured now'),
      keep: flag('leave the logs and the data of ours in place when a run fails'),
      table: text('the document that gets the table, and the picture beside it', null),
      'runs-file': text('where runs are kept', 'docs/failover-runs.jsonl'),
      json: flag('as always: one object of JSON ends it'),
    },
  });
  const { peer, runs, seconds, fresh, keep, table, mode, fault: faults } = values;
  const systems = values['only-peers'] ? peer : [...new Set(['matriarch' as const, ...peer])];
  const runsFile = values['runs-file'];
  return { systems, faults, mode, runs, seconds, fresh, keep, table, runsFile };
}
