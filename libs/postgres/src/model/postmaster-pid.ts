/** The lock file `postmaster.pid`; later lines are written as the start goes on. */
export type PostmasterPid = {
  /** Of the postmaster, or of a single-user server. */
  readonly pid: number;
  readonly dataDirectory: string;
  readonly startedAtSeconds: number;
  readonly port?: number;
  readonly socketDirectory?: string;
  readonly listenAddress?: string;
  /** Line 7: the System V segment, whose attachments tell whether backends are left (safety 1). */
  readonly shmId?: number;
  /** Line 8 does not depend on the locale: `starting`, `stopping`, `ready` or `standby`. */
  readonly status?: string;
};

/** @returns undefined while the file is being written */
export function parsePostmasterPid(text: string): PostmasterPid | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const [pid, dataDirectory, startedAt, port, socketDirectory, listenAddress, shm, status] = lines;
  if (!/^-?\d+$/.test(pid ?? '') || dataDirectory === undefined || dataDirectory === '') {
    return undefined;
  }
  const shmId = /^\d+\s+(\d+)$/.exec(shm ?? '')?.[1];
  return {
    // A single-user server writes its pid with a minus sign.
    pid: Math.abs(Number(pid)),
    dataDirectory,
    startedAtSeconds: Number(startedAt),
    ...(/^\d+$/.test(port ?? '') ? { port: Number(port) } : {}),
    ...(filled(socketDirectory) ? { socketDirectory } : {}),
    ...(filled(listenAddress) ? { listenAddress } : {}),
    ...(shmId === undefined ? {} : { shmId: Number(shmId) }),
    ...(filled(status) ? { status } : {}),
  };
}

function filled(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
