import type { RaftMachine, Term } from '#libs/raft';
import type { Outgoing } from './network.ts';
import type { SimApplied } from './sim-applied.ts';
import type { HashedLog } from './sim-disk.ts';

/** How snapshots reach the member that takes, sends and receives them. */
export type SnapshotPort = {
  readonly machine: () => RaftMachine;
  readonly mirror: () => HashedLog;
  readonly applied: () => SimApplied;
  readonly term: () => Term;
  /** The life in which this was made still lasts. */
  readonly alive: () => boolean;
  readonly later: (delayMs: number, run: () => void) => void;
  readonly input: (run: () => void) => void;
  readonly send: (packet: Outgoing) => void;
  readonly count: (what: string) => void;
};
