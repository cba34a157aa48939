import type { DataDirectory, Endpoint, PrimaryStall, ServerFacts } from '#libs/cluster';
import type { Lsn } from '#libs/kernel';
import type { Settings } from '#libs/postgres-model';
import type { InstanceObservation } from '#libs/postgres-run';
import type { GuardState } from '../guard-client/guard-connection.ts';

import type { RecoveryProgress } from './recovery-progress.ts';

/** Everything that was last seen of the instance, from one turn of the observer. */
export type Snapshot = {
  /** When the look began, on the monotonic clock: nothing seen is older. */
  readonly begunMs: number;
  readonly guard: GuardState | null;
  /** Of a running instance, the last one that was read. Null until it was looked at. */
  readonly directory: DataDirectory | null;
  /** Null while no postmaster runs. */
  readonly sql: InstanceObservation | null;
  /** Whether this postmaster has ever answered. */
  readonly answeredBefore: boolean;
  /** How long this postmaster has not been ready; 0 once it answered. */
  readonly startingForMs: number;
  /** A postmaster on the data directory that the guard did not start. */
  readonly foreignPid: number | null;
  /** Where somebody moved the data directory of a running PostgreSQL that does not answer; null: nowhere. */
  readonly movedTo: string | null;
  /** One that ran before any guard of ours was here; null when there is a guard. */
  readonly others: number | null;
  readonly standbySignal: boolean;
  /** Whom the managed configuration names. */
  readonly upstream: Endpoint | null;
  /** What the managed file says, read when something waits for a restart. */
  readonly configured: Settings;
  /** Whether it fetches WAL from an archive. */
  readonly restores: boolean;
  /** Why a standby can get the WAL that it needs from nobody; null while it can, or nobody knows. */
  readonly walGone: string | null;
  /** End of WAL on disk of a standby that has no receiver; null when not read. */
  readonly standbyWalEnd: Lsn | null;
  /** Of a running standby: false while its control file alone has told its timeline. */
  readonly timelineIsSure: boolean;
  /** How long PostgreSQL has not served; 0 while it does. */
  readonly downForMs: number;
  /** What does not work at a primary that runs; null while everything does. */
  readonly stall: PrimaryStall | null;
  /** Of a crash recovery that is under way. */
  readonly recovery: Pick<RecoveryProgress, 'progress' | 'stalledForMs'>;
  /** Null until a server answered. */
  readonly server: ServerFacts | null;
  readonly freeBytes: bigint | null;
};
