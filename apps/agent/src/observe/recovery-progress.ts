import { type Lsn, lsnOf } from '#libs/kernel';
import { ProcTable, readPostmasterPid } from '#libs/process';

/** `postgres: startup recovering 000000010000000000000003`, as the startup process names itself. */
const TITLE = /startup\s+(?:recovering|waiting for)\s+[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})/;
const SEGMENT_BYTES = 16_777_216n;

/** How far a crash recovery has come, and for how long it has not got on. */
export class RecoveryProgress {
  #at: Lsn | null = null;
  #sinceMs = 0;
  #lookMs = 0;

  /** `titles` of the postmaster's children while it is not ready; null when it is, or none runs. */
  note(titles: readonly string[] | null, nowMs: number): void {
    const at = titles === null ? null : segmentStart(titles);
    if (at !== this.#at || at === null) this.#sinceMs = nowMs;
    this.#at = at;
    this.#lookMs = nowMs;
  }

  get progress(): Lsn | null {
    return this.#at;
  }

  /** 0 while nothing is known. */
  get stalledForMs(): number {
    return Math.round(this.#lookMs - this.#sinceMs);
  }
}

/** Of a segment of the default size, which is all that the name tells. */
function segmentStart(titles: readonly string[]): Lsn | null {
  for (const title of titles) {
    const [, high, low] = TITLE.exec(title) ?? [];
    if (high === undefined || low === undefined) continue;
    return lsnOf((BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`) * SEGMENT_BYTES);
  }
  return null;
}

/** Titles of the postmaster's children; empty when there is none. */
export function childTitles(dataDirectory: string): string[] {
  const postmaster = readPostmasterPid(dataDirectory)?.pid;
  if (postmaster === undefined) return [];
  const table = new ProcTable();
  return table
    .pids()
    .filter((pid) => table.stat(pid)?.parentPid === postmaster)
    .map((pid) => table.title(pid));
}
