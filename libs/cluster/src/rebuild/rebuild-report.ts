import type { WalPosition } from '../wal-position.ts';
import type { RebuildMethod } from './policy.ts';
import type { MethodFailure } from './rebuild-events.ts';

/** What an agent says of the rebuild of its instance. */
export type RebuildReport = {
  /** Why it needs a rebuild that nobody ordered yet; null when it needs none. */
  readonly wants: string | null;
  /** The order that it works on or has carried out; null when there is none. */
  readonly order: number | null;
  readonly phase:
    | 'waiting'
    | 'preflight'
    | 'copying'
    | 'replacing'
    | 'starting'
    | 'streaming'
    | 'exhausted';
  readonly method: RebuildMethod | null;
  readonly doneBytes: bigint;
  readonly totalBytes: bigint | null;
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
  readonly tookMs: number;
  readonly failures: readonly MethodFailure[];
};

/** An earlier copy of the instance that was moved aside: the last candidate (safety 25). */
export type AsideReport = {
  readonly directory: string;
  readonly systemIdentifier: string;
  readonly position: WalPosition;
};
