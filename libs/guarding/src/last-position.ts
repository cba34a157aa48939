import type { Position } from '#libs/protocol';

/** The agent tells it with each look at PostgreSQL, several times in this time. */
const FRESH_MS = 1_000;

/**
 * The primary's position as the agent last said it. It is handed on only while it is fresh: said again
 * with each renewal of a guard whose agent is gone it would look new for ever, and the lag of a standby
 * would be measured against it (safety 18).
 */
export class LastPosition {
  #position: Position | null = null;
  #toldAtMs = 0;

  told(position: Position, nowMs: number): void {
    this.#position = position;
    this.#toldAtMs = nowMs;
  }

  fresh(nowMs: number): Position | null {
    return nowMs - this.#toldAtMs <= FRESH_MS ? this.#position : null;
  }
}
