import type { WalPosition } from '#libs/cluster';
import { formatLsn } from '#libs/kernel';

export function walText({ timeline, lsn }: WalPosition): string {
  return `${formatLsn(lsn)} of timeline ${timeline}`;
}

/** Log time has fractions; people need none. */
export function msText(durationMs: number): string {
  return `${Math.round(durationMs)} ms`;
}
