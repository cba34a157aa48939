import { type Progress, ProgressMeter } from '#libs/backup';
import type { RebuildMethod, RebuildOrder, RebuildReport } from '#libs/cluster';
import {
  NO_REBUILD,
  type RebuildJournal,
  type RebuildJournalFile,
} from '../state-directory/rebuild-journal-file.ts';
import { type StreamingView, StreamingWatch } from './streaming-watch.ts';

const REASON_MAX_CHARS = 500;
/** After all methods failed they are tried again, later each time. */
const NEXT_ROUND_MS = 60_000;
const NEXT_ROUND_LONGEST_MS = 900_000;

export type WallClock = () => number;

/** What this agent knows of the rebuild of its instance; survives a restart as far as it must. */
export class RebuildDesk {
  /** Why a rebuild is needed that nobody has ordered. */
  wants: string | null = null;
  #phase: RebuildReport['phase'] = 'waiting';
  #meter = new ProgressMeter();
  #exhaustedAtMs: number | null = null;
  #streams = false;
  readonly #watch = new StreamingWatch();

  constructor(
    readonly file: RebuildJournalFile,
    readonly nowMs: WallClock,
    readonly onNews: () => void,
  ) {}

  get journal(): RebuildJournal {
    return this.file.journal;
  }

  /** The order whose copy is in place, for the next step to know. */
  get rebuiltOrder(): number | null {
    const { order, placed } = this.journal;
    return placed ? order : null;
  }

  get rewindFailed(): string | null {
    return this.journal.rewindFailed;
  }

  /**
   * Begins an order, or goes on with it; null when all its methods have failed and it must wait. What failed under
   * another primary, or on another timeline, says nothing of this one: a copy breaks off when its source is lost.
   */
  begin({ order, methods }: RebuildOrder, under: string): readonly RebuildMethod[] | null {
    if (this.journal.order !== order) {
      const { rewindFailed } = this.journal;
      this.file.keep({ ...NO_REBUILD, order, startedAtMs: this.nowMs(), rewindFailed });
      this.#exhaustedAtMs = null;
    }
    if (this.journal.failedUnder !== under) {
      this.file.keep({ ...this.journal, failures: [], failedUnder: under });
      this.#exhaustedAtMs = null;
    }
    const left = methods.filter((method) => !this.#hasFailed(method));
    if (left.length > 0) return left;
    this.#exhaustedAtMs ??= this.nowMs();
    const { rounds } = this.journal;
    const waitMs = Math.min(NEXT_ROUND_LONGEST_MS, NEXT_ROUND_MS * 2 ** Math.min(rounds, 8));
    if (this.nowMs() - this.#exhaustedAtMs < waitMs) {
      this.#enter('exhausted');
      return null;
    }
    this.#exhaustedAtMs = null;
    this.file.keep({ ...this.journal, failures: [], rounds: rounds + 1 });
    return methods;
  }

  enter(phase: RebuildReport['phase'], method: RebuildMethod): void {
    if (this.journal.method !== method) this.file.keep({ ...this.journal, method });
    if (phase === 'copying') this.#meter = new ProgressMeter();
    this.#enter(phase);
  }

  note(doneBytes: number, totalBytes: number | null): void {
    this.#meter.note(performance.now(), doneBytes, totalBytes);
  }

  get progress(): Progress {
    return this.#meter.progress;
  }

  failed(method: RebuildMethod, why: string): void {
    // Durations differ from try to try; the same reason is one event.
    const reason = why.replace(/ after \d+ ms/g, '').slice(0, REASON_MAX_CHARS);
    const others = this.journal.failures.filter((failure) => failure.method !== method);
    const failures = [...others, { method, reason }];
    this.file.keep({ ...this.journal, placed: false, failures });
    this.#enter('preflight');
  }

  placed(method: RebuildMethod): void {
    const copiedBytes = Number(this.#meter.progress.doneBytes);
    this.file.keep({ ...this.journal, method, placed: true, copiedBytes, rewindFailed: null });
    this.#watch.restart();
    this.#streams = false;
    this.#enter('starting');
  }

  /** What lay aside is put back: the order, where it still stands, is begun again. */
  undone(): void {
    if (this.journal.order === null) return;
    this.file.keep({ ...this.journal, placed: false, method: null });
    this.#streams = false;
    this.#enter('waiting');
  }

  rewindDidNot(why: string): void {
    this.file.keep({ ...this.journal, rewindFailed: why.slice(0, REASON_MAX_CHARS) });
    this.onNews();
  }

  rewound(): void {
    if (this.journal.rewindFailed === null) return;
    this.file.keep({ ...this.journal, rewindFailed: null });
  }

  /** No order stands: what was remembered of one is of no use. */
  forget(): void {
    this.#exhaustedAtMs = null;
    this.#streams = false;
    this.#phase = 'waiting';
    const { order, rewindFailed } = this.journal;
    if (order !== null) this.file.keep({ ...NO_REBUILD, rewindFailed });
  }

  /** Looks whether the copy that is in place proves itself; says why it does not when time is over. */
  look(view: StreamingView, nowMs: number): void {
    const { method } = this.journal;
    if (!this.awaitsProof || method === null) return;
    const verdict = this.#watch.look(view, nowMs);
    if (verdict.kind === 'proved') {
      this.#streams = true;
      this.#enter('streaming');
    } else if (verdict.kind === 'stalled') this.failed(method, verdict.why);
  }

  /** A copy is in place and was not seen to stream yet. */
  get awaitsProof(): boolean {
    return this.journal.placed && this.journal.method !== null && !this.#streams;
  }

  get streams(): boolean {
    return this.#streams;
  }

  report(): RebuildReport | null {
    const { order, method, placed, startedAtMs, copiedBytes, failures } = this.journal;
    if (order === null && this.wants === null) return null;
    const phase = placed && this.#phase === 'waiting' ? 'starting' : this.#phase;
    const { doneBytes, totalBytes, bytesPerSecond, secondsLeft } = this.#meter.progress;
    return {
      wants: this.wants,
      order,
      phase,
      method,
      doneBytes: placed ? BigInt(Math.round(copiedBytes)) : doneBytes,
      totalBytes,
      bytesPerSecond,
      secondsLeft,
      tookMs: order === null ? 0 : Math.max(0, this.nowMs() - startedAtMs),
      failures,
    };
  }

  #hasFailed(method: RebuildMethod): boolean {
    return this.journal.failures.some((failure) => failure.method === method);
  }

  #enter(phase: RebuildReport['phase']): void {
    this.#phase = phase;
    this.onNews();
  }
}
