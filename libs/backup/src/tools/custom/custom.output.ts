/** A line like `matriarch: 1024/4096` on standard output: bytes done and in all, the second may be missing. */
export function customProgress(
  line: string,
): { readonly doneBytes: number; readonly totalBytes: number | null } | undefined {
  const match = /^matriarch: (\d+)(?:\/(\d+))?$/.exec(line.trim());
  if (match === null) return undefined;
  return {
    doneBytes: Number(match[1]),
    totalBytes: match[2] === undefined ? null : Number(match[2]),
  };
}

/** What the check program may say of the source: a line `bytes=123`, and what it prints last in words. */
export function customCheck(stdout: string): { readonly bytes: number | null } {
  const bytes = /^bytes=(\d+)$/m.exec(stdout)?.[1];
  return { bytes: bytes === undefined ? null : Number(bytes) };
}
