export type Progress = {
  readonly doneBytes: bigint;
  readonly totalBytes: bigint | null;
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
};

/** The rate is taken over this much of the past. */
const WINDOW_MS = 10_000;

/** Turns counts of bytes into a rate and the time that is left. The clock is handed in. */
export class ProgressMeter {
  #samples: { readonly atMs: number; readonly bytes: number }[] = [];
  #doneBytes = 0;
  #totalBytes: number | null = null;

  note(nowMs: number, doneBytes: number, totalBytes: number | null): void {
    this.#doneBytes = Math.max(this.#doneBytes, doneBytes);
    this.#totalBytes = totalBytes;
    this.#samples.push({ atMs: nowMs, bytes: this.#doneBytes });
    const oldestMs = nowMs - WINDOW_MS;
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? nowMs) <= oldestMs) {
      this.#samples.shift();
    }
  }

  get progress(): Progress {
    const bytesPerSecond = this.#rate();
    const left = this.#totalBytes === null ? null : this.#totalBytes - this.#doneBytes;
    return {
      doneBytes: BigInt(Math.round(this.#doneBytes)),
      totalBytes: this.#totalBytes === null ? null : BigInt(Math.round(this.#totalBytes)),
      bytesPerSecond,
      secondsLeft:
        left === null || bytesPerSecond === null
          ? null
          : Math.ceil(Math.max(0, left) / bytesPerSecond),
    };
  }

  #rate(): number | null {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < 500) return null;
    const rate = ((last.bytes - first.bytes) * 1_000) / (last.atMs - first.atMs);
    return rate > 0 ? Math.round(rate) : null;
  }
}
