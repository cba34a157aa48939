import type { Lsn, TimelineId } from '#libs/kernel';

/** A point in the WAL of one timeline. */
export type WalPosition = { readonly timeline: TimelineId; readonly lsn: Lsn };

/** What was known of the primary's WAL when it was lost; `ageMs` bounds what was written after it. */
export type LastKnownPosition = WalPosition & { readonly ageMs: number };
