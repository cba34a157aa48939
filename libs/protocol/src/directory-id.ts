/**
 * A controller's incarnation names the directory that it runs on and its start: `directory.start`. By the
 * first part a disk that was replaced is told from the one that had the seat.
 */
export function incarnationOn(directoryId: string | null, start: string): string {
  return directoryId === null ? start : `${directoryId}.${start}`;
}

/** True when both directories are known and differ. */
export function isOtherDirectory(taker: string | null, incarnation: string): boolean {
  const owner = taker === null ? null : directoryOf(taker);
  const directory = directoryOf(incarnation);
  return owner !== null && directory !== null && owner !== directory;
}

/** Null for directories of versions that did not number them. */
export function directoryOf(incarnation: string): string | null {
  const at = incarnation.indexOf('.');
  return at < 0 ? null : incarnation.slice(0, at);
}
