import type { ClusterState, DivergedWal } from '#libs/cluster';

/** What was kept before the last rewind: told until the history has it. */
export function unrecordedWal(
  divergedWal: DivergedWal | null,
  state: ClusterState | null,
  instance: string,
): DivergedWal | null {
  return divergedWal?.keptAt === state?.divergedWal?.[instance] ? null : divergedWal;
}
