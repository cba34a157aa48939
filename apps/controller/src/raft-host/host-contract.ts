import type { EventStore } from '#libs/event-store';
import type { Clock } from '#libs/kernel';
import type { ProposalCounts } from '#libs/leader';
import type { RaftMachine, RoleChange } from '#libs/raft';
import type { Snapshotter, SnapshotterOptions } from '#libs/storage';
import type { Log } from '../log.ts';
import type { AppliedPlace } from './apply-queue.ts';
import type { CompactionLimits } from './compactor.ts';
import type { HostStorage, PeerLinks } from './ports.ts';

export type RaftHostOptions = {
  readonly raft: RaftMachine;
  readonly store: EventStore;
  readonly storage: HostStorage & SnapshotterOptions['storage'];
  readonly links: PeerLinks;
  readonly clock: Clock;
  readonly log: Log;
  readonly tickMs: number;
  readonly electionTimeoutMs: number;
  readonly applied: AppliedPlace;
  readonly compaction?: CompactionLimits;
  /** An invariant broke or storage failed: the process must end, nothing may follow. */
  readonly onFatal: (error: unknown) => void;
};

export type HostCounts = {
  readonly proposals: ProposalCounts;
  readonly snapshots: Snapshotter['counts'];
  /** Messages for which no queue had room. */
  readonly inputsDropped: number;
};

/** What other parts of the controller may follow; called inside the loop, so they return quickly. */
export interface HostListener {
  onRole?(role: RoleChange): void;
  onTick?(): void;
  /**
   * Before a confirmation round may begin in this turn. `between`: sockets have yet to be read, so no time passes by which
   * somebody is silent (safety 19).
   */
  onBeforeRounds?(between: boolean): void;
  /** A synced write is done. */
  onWritten?(tookMs: number, entries: number): void;
  onRoundEnded?(tookMs: number): void;
  /** The clock's period fired `lateMs` late; `stalled`: the loop had stopped for long. */
  onPeriod?(lateMs: number, stalled: boolean): void;
  /** This member's state is not that of the majority: it must serve nobody from now on. */
  onIsolated?(finding: string): void;
  /** The whole state was replaced by a snapshot; no events tell of the difference. */
  onRestored?(): void;
  /** After everything that this turn applied. */
  onTurnEnd?(): void;
}
