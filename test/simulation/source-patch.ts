/** A change of one place in one source file; `find` must stand there exactly once. */
export type SourcePatch = {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

export class StalePatchError extends Error {
  constructor(patch: SourcePatch, places: number) {
    super(
      `${patch.file}: '${patch.find}' stands there ${places} times: bring the patch up to date`,
    );
  }
}

/** @throws StalePatchError */
export function planted(source: string, patch: SourcePatch): string {
  const places = source.split(patch.find).length - 1;
  if (places !== 1) throw new StalePatchError(patch, places);
  return source.replace(patch.find, () => patch.replace);
}
