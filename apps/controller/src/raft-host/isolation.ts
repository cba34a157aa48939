import type { RaftMachine } from '#libs/raft';
import type { Log } from '../log.ts';

export type IsolationParts = {
  readonly log: Log;
  readonly storage: {
    /** What was found before the last restart. */
    readonly isolation: string | null;
    isolate(finding: string): Promise<void>;
  };
  readonly feed: (input: (raft: RaftMachine) => void) => void;
  readonly failed: (error: unknown) => void;
};

/**
 * What is wrong with this member's state. The log is sound, the state is not: the member stores and votes
 * on, leads and serves no more, for good and across restarts.
 */
export class Isolation {
  readonly #parts: IsolationParts;
  #finding: string | null;

  constructor(parts: IsolationParts) {
    this.#parts = parts;
    this.#finding = parts.storage.isolation;
  }

  /** Null while the state is sound. */
  get finding(): string | null {
    return this.#finding;
  }

  /** False when it is isolated already: the first finding stands. */
  begin(finding: string): boolean {
    if (this.#finding !== null) return false;
    this.#finding = finding;
    const { log, storage, feed, failed } = this.#parts;
    log.error('this controller is isolated: replace it', { finding });
    feed((raft) => raft.neverLead());
    storage.isolate(finding).catch(failed);
    return true;
  }
}
