/** A copy of any size; what hangs is for the operator to cancel. */
export const COPY_LIMIT_MS = 7 * 24 * 3_600_000;
/** Questions to a backup tool, over SSH included. */
export const INSPECT_LIMIT_MS = 30_000;
