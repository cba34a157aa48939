import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What all guards of one process saw since the last `reset`; a count for each millisecond. */
export type RenewalReport = {
  readonly byMs: readonly number[];
  /** How many took longer than the goal, by the second in which they were answered. */
  readonly slow: Readonly<Record<string, number>>;
  readonly stops: readonly string[];
  readonly refusals: readonly string[];
  readonly linksLost: number;
  /** The least that was left until a guard would have stopped its PostgreSQL when an answer came. */
  readonly leastLeftMs: number;
  /** How late this process came to what was waiting for it: a delay that no host with one guard has. */
  readonly loopP99Ms: number;
};

const LONGEST_MS = 10_000;
const SLOW_MS = 150;
/** What one needs to see to believe it. */
const EXAMPLES = 10;
const NANOSECONDS = 1e6;

export class RenewalTally {
  #byMs = new Uint32Array(LONGEST_MS + 1);
  #slow: Record<string, number> = {};
  #stops: string[] = [];
  #refusals: string[] = [];
  #linksLost = 0;
  #leastLeftMs = Number.MAX_SAFE_INTEGER;
  readonly #loop = monitorEventLoopDelay({ resolution: 10 });

  constructor() {
    this.#loop.enable();
  }

  answered(ms: number, leftMs: number | null): void {
    if (leftMs !== null && leftMs < this.#leastLeftMs) this.#leastLeftMs = leftMs;
    if (ms > SLOW_MS) {
      const second = secondOf(new Date().toISOString());
      this.#slow[second] = (this.#slow[second] ?? 0) + 1;
    }
    const at = Math.min(LONGEST_MS, Math.max(0, Math.ceil(ms)));
    this.#byMs[at] = (this.#byMs[at] ?? 0) + 1;
  }

  /** A guard would have stopped its PostgreSQL. */
  stopped(what: string): void {
    this.#stops.push(`${new Date().toISOString()} ${what}`);
  }

  refused(what: string): void {
    if (this.#refusals.length < EXAMPLES) this.#refusals.push(what);
  }

  linkLost(): void {
    this.#linksLost += 1;
  }

  reset(): void {
    this.#byMs = new Uint32Array(LONGEST_MS + 1);
    this.#slow = {};
    this.#stops = [];
    this.#refusals = [];
    this.#linksLost = 0;
    this.#leastLeftMs = Number.MAX_SAFE_INTEGER;
    this.#loop.reset();
  }

  report(): RenewalReport {
    const last = this.#byMs.findLastIndex((count) => count > 0);
    return {
      byMs: [...this.#byMs.subarray(0, last + 1)],
      slow: this.#slow,
      stops: this.#stops,
      refusals: this.#refusals,
      linksLost: this.#linksLost,
      leastLeftMs: this.#leastLeftMs,
      loopP99Ms: Math.round(this.#loop.percentile(99) / NANOSECONDS),
    };
  }
}

export function secondOf(iso: string): string {
  return iso.slice(0, '2026-01-01T00:00:00'.length);
}

/** Nearest rank over the counts of all processes; 0 of none. */
export function percentileOf(reports: readonly RenewalReport[], percent: number): number {
  const longest = Math.max(0, ...reports.map(({ byMs }) => byMs.length));
  const counts = Array.from({ length: longest }, (_, ms) =>
    reports.reduce((sum, { byMs }) => sum + (byMs[ms] ?? 0), 0),
  );
  const rank = Math.ceil((percent / 100) * counts.reduce((sum, count) => sum + count, 0));
  let seen = 0;
  for (const [ms, count] of counts.entries()) {
    seen += count;
    if (seen >= rank && rank > 0) return ms;
  }
  return 0;
}
