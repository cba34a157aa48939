import { formatLsn, type Lsn, type TimelineId } from '#libs/kernel';

/** What was last seen of an instance whose data was just put in place. */
export type StreamingView = {
  /** Null while PostgreSQL does not answer as a standby. */
  readonly replayedLsn: Lsn | null;
  /** Segment that its recovery reads; null where none is seen. It answers only once it is consistent. */
  readonly recoveringLsn: Lsn | null;
  readonly timeline: TimelineId | null;
  readonly streaming: boolean;
  /** The upstream's end of WAL as last heard. */
  readonly latestEndLsn: Lsn | null;
  /** The cluster's own timeline. */
  readonly expectedTimeline: TimelineId | null;
  /** Why it does not start, when it does not. */
  readonly problem: string | null;
};

export type StreamingVerdict =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'proved' }
  | { readonly kind: 'stalled'; readonly why: string };

/** Without any progress for this long, the copy is given up. */
const STALL_MS = 60_000;
/** One fetch of WAL may take a minute of its own: a segment that is waited for gets that, too. */
const RECOVERY_STALL_MS = 120_000;
/** So little lag needs not be seen to fall. */
const SMALL_LAG_BYTES = 16n * 1_024n * 1_024n;

/** Whether a copy streams from its upstream, on its timeline, with its lag falling. */
export class StreamingWatch {
  #reached: Lsn | null = null;
  #movedAtMs: number | null = null;
  #lagBytes: bigint | null = null;

  restart(): void {
    this.#reached = null;
    this.#movedAtMs = null;
    this.#lagBytes = null;
  }

  look(view: StreamingView, nowMs: number): StreamingVerdict {
    const reached = view.replayedLsn ?? view.recoveringLsn;
    if (this.#movedAtMs === null || reached !== this.#reached) {
      this.#reached = reached;
      this.#movedAtMs = nowMs;
    }
    if (this.#isProved(view)) return { kind: 'proved' };
    if (nowMs - this.#movedAtMs < stallLimitMs(view)) return { kind: 'waiting' };
    return { kind: 'stalled', why: whyOf(view) };
  }

  #isProved({ streaming, timeline, expectedTimeline, replayedLsn, latestEndLsn }: StreamingView) {
    if (!streaming || replayedLsn === null || timeline !== expectedTimeline) return false;
    if (latestEndLsn === null) return false;
    const lagBytes = latestEndLsn > replayedLsn ? latestEndLsn - replayedLsn : 0n;
    const before = this.#lagBytes;
    this.#lagBytes = lagBytes;
    return lagBytes <= SMALL_LAG_BYTES || (before !== null && lagBytes < before);
  }
}

function stallLimitMs({ replayedLsn, recoveringLsn }: StreamingView): number {
  return replayedLsn === null && recoveringLsn !== null ? RECOVERY_STALL_MS : STALL_MS;
}

function whyOf(view: StreamingView): string {
  const { replayedLsn, recoveringLsn, streaming, timeline, problem } = view;
  const seconds = stallLimitMs(view) / 1_000;
  if (replayedLsn === null && recoveringLsn !== null) {
    return `recovery of the copy stands at ${formatLsn(recoveringLsn)} for ${seconds} s, before it is consistent`;
  }
  if (replayedLsn === null) {
    return `the copy did not start as a standby in ${seconds} s${problem === null ? '' : `: ${problem}`}`;
  }
  const at = `replay stands at ${formatLsn(replayedLsn)} on timeline ${timeline} for ${seconds} s`;
  const missing = streaming ? '' : ': the WAL after it is neither streamed nor in the archive';
  return `${at}${missing}`;
}
