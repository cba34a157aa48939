import type { Epoch } from '#libs/kernel';
import type { AcquireResult, LeaseTiming } from '#libs/lease';
import type { LocalAnswer, Position, PostmasterState } from '#libs/protocol';

/** Answers the agent that asked; nothing is sent once another has taken its place. */
export type Reply = (answer: LocalAnswer) => void;

/** Its clients end, then the last record of all is written, the shutdown checkpoint. */
export type StopStage = 'clients' | 'checkpoint' | 'written';

type Say = (message: string, fields?: Readonly<Record<string, number | string | boolean>>) => void;

export interface GuardingLog {
  readonly info: Say;
  readonly warn: Say;
}

/** The holder's half of the lease, with its clock. */
export interface KeptLease {
  readonly epoch: Epoch | null;
  readonly timing: LeaseTiming;
  useTiming(timing: LeaseTiming): void;
  acquire(epoch: Epoch): AcquireResult;
  /** The epoch is given back: never renewed again. */
  release(epoch: Epoch): void;
  isOver(epoch: Epoch): boolean;
  mayServe(epoch: Epoch): boolean;
  untilStopMs(): number | null;
  killAtBootMs(): number | null;
}

/** Those that send WAL, or write anything down, until the very end of a stop. */
export interface LastWorkers {
  areLeft(): boolean;
  /** Tells those that send WAL that no more comes: each ends once its standby has all of it. */
  letSendersEnd(): void;
}

/** PostgreSQL's processes, as the guard's own children. */
export interface PostmasterProcess {
  readonly state: PostmasterState;
  readonly lastExit: string | null;
  start(): boolean;
  stopFast(): void;
  stopImmediate(graceMs: number): void;
  whenDown(): Promise<void>;
  /** Asked once clients are refused and gone: none is added then. */
  lastWorkers(): LastWorkers;
  /** Kills whatever stands in the data directory, also what this guard never started. */
  sweep(): Promise<number>;
}

/** The data directory, and the proof that nobody uses it. */
export interface InstanceFiles {
  readonly path: string;
  proveDown(): { readonly kind: string };
  putStandbySignal(): void;
  /**
   * `recovery.signal` too, which somebody left by hand: with it PostgreSQL would refuse to start as primary,
   * or take a timeline that nobody gave out.
   */
  removeSignalFiles(): void;
  /** Of an instance that was shut down in order. @throws when the files do not tell */
  shutdownPosition(): Position | null;
  /** Of a primary that is being stopped. Waits for no disk. */
  stopStage(): Promise<StopStage>;
  unfinishedWork(): string | undefined;
  hasData(): boolean;
}

/** Ends PostgreSQL at the deadline when the guard itself cannot. */
export interface DeadlineFuse {
  arm(deadlineBootMs: number): boolean;
  disarm(): void;
}
