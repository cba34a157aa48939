import type { LogIndex, WriteSeq } from './types.ts';

type PendingWrite = { readonly seq: WriteSeq; lastIndex: LogIndex };

/**
 * Which writes are on their way to the disk, and how far the log is durable once each is done.
 *
 * The hazard is ABA: entry (i, term 1) is in flight, is replaced by (i, term 2) and then by (i, term 1)
 * again; the answer to the first write must not make the third one durable. Writes are numbered and
 * never repeat, and a truncation takes back what earlier writes may still vouch for.
 */
export class WriteQueue {
  readonly #pending: PendingWrite[] = [];
  #nextSeq: WriteSeq = 1;
  #ackedSeq: WriteSeq = 0;

  /** The number that the next batch will get. */
  get nextSeq(): WriteSeq {
    return this.#nextSeq;
  }

  get ackedSeq(): WriteSeq {
    return this.#ackedSeq;
  }

  /** The log up to `lastIndex` has been handed out with this batch or one before it. */
  begin(lastIndex: LogIndex): WriteSeq {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    this.#pending.push({ seq, lastIndex });
    return seq;
  }

  truncateFrom(index: LogIndex): void {
    for (const write of this.#pending) write.lastIndex = Math.min(write.lastIndex, index - 1);
  }

  /** How far the log is durable after `seq`, 0 when this says nothing new. */
  acknowledge(seq: WriteSeq): LogIndex {
    if (seq <= this.#ackedSeq) return 0;
    this.#ackedSeq = seq;
    let durable = 0;
    for (;;) {
      const oldest = this.#pending[0];
      if (oldest === undefined || oldest.seq > seq) return durable;
      durable = oldest.lastIndex;
      this.#pending.shift();
    }
  }
}
