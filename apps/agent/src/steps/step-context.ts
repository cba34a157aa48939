import type { ClusterState, DetachedProof, DivergedWal, SyncSetting } from '#libs/cluster';
import type { Epoch, Lsn } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { SqlSession } from '#libs/postgres-run';
import type { ActedMemory } from '#libs/reconcile';
import type { GuardKeeper } from '../guard-client/guard-keeper.ts';
import type { Hooks } from '../hooks/hooks.ts';
import type { Observer } from '../observe/observer.ts';
import type { LocalInstance } from '../postgres/local-instance.ts';
import type { RebuildDesk } from '../rebuild/rebuild-desk.ts';

/** What the agent knows of its own acts; lost with the process, and then found out again. */
export type OwnFacts = {
  detached: DetachedProof | null;
  abandonedHandOver: Epoch | null;
  /** Why the hand-over was given up, in words; null while it was not. */
  handOverRefused: string | null;
  settledEpoch: number | null;
  /** The host is being shut down: nothing is started any more. */
  leaving: boolean;
  /** What was written alone, kept before the last rewind. */
  divergedWal: DivergedWal | null;
  /** What commits wait for, or would on a standby, once it was proved; null while it is not known. */
  synchronous: SynchronousFacts | null;
  /** Clients are kept out until standbys have what this primary was restarted with (safety 12). */
  clientsKeptOut: boolean;
  /** Where it had flushed to when it was first asked; null until then. */
  recoveredTo: Lsn | null;
  /** The hook before a promotion failed: none is taken on until then. */
  promotionRefused: { readonly why: string; readonly untilMs: number } | null;
};

export type SynchronousFacts = {
  readonly setting: SyncSetting;
  readonly text: string;
  readonly order: number | null;
  /** Of a primary: where it had flushed to when nothing older was running any more. */
  readonly flushedTo: Lsn | null;
  /** The checkpointer has read a value that is not empty: backends do wait. */
  readonly armed: boolean;
  /** Another object whenever it may have been disarmed between. */
  readonly armedAs: object;
};

export type Destroying = 'rewind' | 'rebuild' | 'putBack';

/** What is asked about before something is destroyed. */
export type DestructionOrder = { readonly order?: number; readonly inPlace: boolean };

/** What a step works with. Each step leaves the world so that it can be begun again. */
export type StepContext = {
  readonly state: ClusterState;
  readonly local: LocalInstance;
  readonly guard: GuardKeeper;
  readonly observer: Observer;
  /** For statements that must not wait for each other: `sql` for the step, `looks` for the rest. */
  readonly sql: SqlSession;
  readonly looks: SqlSession;
  /** Ends the agent's own sessions, as far as they are idle: each is made again when it is needed. */
  readonly leaveSessions: () => Promise<void>;
  readonly facts: OwnFacts;
  readonly desk: RebuildDesk;
  readonly hooks: Hooks;
  readonly log: Logger;
  /** Aborted when the goal has changed and the step may be broken off. */
  readonly signal: AbortSignal;
  readonly setActivity: (activity: string) => void;
  /** Fsyncs the promise before it returns. */
  readonly promiseDetached: (throughEpoch: Epoch) => ActedMemory;
  /** Asks leader and guard once more, naming the order (safety 4). @throws NotPermittedError */
  readonly permitDestruction: (step: Destroying, order: DestructionOrder) => Promise<void>;
  /** Fetches the passwords of our roles if they are not known yet. */
  readonly needCredentials: () => Promise<void>;
  /** Tells the leader at once what just became true. */
  readonly reportNow: () => Promise<void>;
  readonly runInBackground: (what: string, work: () => Promise<void>) => void;
};
