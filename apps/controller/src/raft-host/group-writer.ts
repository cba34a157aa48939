import type { Clock } from '#libs/kernel';
import type { Message, PersistBatch } from '#libs/raft';
import type { AppliedMark } from '#libs/storage';
import { mergeBatches } from './merge-batches.ts';
import type { HostStorage } from './ports.ts';
import type { StateOverlay } from './state-overlay.ts';

export type GroupWriterPorts = {
  readonly storage: Pick<HostStorage, 'write'>;
  readonly overlay: StateOverlay;
  readonly clock: Clock;
  /** What is applied now, taken together with the state writes; null: the state is being replaced. */
  applied(): AppliedMark | null;
  send(messages: readonly Message[]): void;
  /** Null: only state was written. */
  persisted(batch: PersistBatch | null): void;
  wrote(tookMs: number, entries: number): void;
  failed(error: unknown): void;
};

/** The applied index rides on a log batch at least this often, so that a restart replays little. */
const APPLIED_MARK_AGE_MS = 1_000;

/**
 * The single writer: at most one write is under way, all that comes meanwhile forms the next, with one
 * sync (group commit). Messages that promise durability leave only after the write that they rest on.
 */
export class GroupWriter {
  readonly #ports: GroupWriterPorts;
  #waiting: PersistBatch | null = null;
  #waitingMessages: Message[] = [];
  #flyingMessages: Message[] = [];
  #flyingSinceMs: number | null = null;
  #markWrittenMs = 0;
  #idle: (() => void)[] = [];

  constructor(ports: GroupWriterPorts) {
    this.#ports = ports;
  }

  get busy(): boolean {
    return this.#flyingSinceMs !== null;
  }

  /** How long the write under way has taken; 0 when none is. */
  stallMs(nowMs: number): number {
    return this.#flyingSinceMs === null ? 0 : nowMs - this.#flyingSinceMs;
  }

  add(persist: PersistBatch | null, afterPersist: readonly Message[]): void {
    if (persist !== null) {
      this.#waiting = this.#waiting === null ? persist : mergeBatches(this.#waiting, persist);
    }
    if (afterPersist.length === 0) return;
    if (this.#waiting !== null) this.#waitingMessages.push(...afterPersist);
    else if (this.busy) this.#flyingMessages.push(...afterPersist);
    else this.#ports.send(afterPersist);
  }

  /** Begins a write when none is under way and there is something to write; true when it did. */
  flush(nowMs: number): boolean {
    const { overlay } = this.#ports;
    if (this.busy) return false;
    const persist = this.#waiting;
    const markDue = persist !== null && nowMs - this.#markWrittenMs > APPLIED_MARK_AGE_MS;
    // A mark costs two views of bytes, and most writes go without.
    const mark = markDue || overlay.isDue(nowMs) ? this.#ports.applied() : null;
    if (persist === null && mark === null) return false;
    this.#waiting = null;
    this.#flyingMessages = this.#waitingMessages;
    this.#waitingMessages = [];
    this.#flyingSinceMs = nowMs;
    if (mark !== null) this.#markWrittenMs = nowMs;
    const request = {
      ...(persist === null ? {} : { persist }),
      ...(mark === null ? {} : { state: overlay.take(), applied: mark }),
    };
    this.#ports.storage.write(request).then(
      () => this.#onWritten(persist, mark !== null),
      (error: unknown) => this.#ports.failed(error),
    );
    return true;
  }

  /** Resolves once no write is under way. */
  settled(): Promise<void> {
    if (!this.busy) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #onWritten(batch: PersistBatch | null, withState: boolean): void {
    const { clock, wrote } = this.#ports;
    wrote(clock.monotonicMs() - (this.#flyingSinceMs ?? 0), batch?.entries.length ?? 0);
    this.#flyingSinceMs = null;
    if (withState) this.#ports.overlay.flushed();
    const messages = this.#flyingMessages;
    this.#flyingMessages = [];
    if (messages.length > 0) this.#ports.send(messages);
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
    this.#ports.persisted(batch);
  }
}
