import type { ClusterState } from '#libs/cluster';
import type { Snapshot } from '../observe/snapshot.ts';
import type { StreamingView } from './streaming-watch.ts';

/** What a copy that is in place shows of itself. */
export function streamingViewOf(
  { sql, upstream, restores, recovery }: Snapshot,
  state: ClusterState | null,
  problem: string | null,
): StreamingView {
  const expectedTimeline = state?.history.at(-1)?.timeline ?? null;
  if (sql?.kind !== 'reachable' || sql.role.kind !== 'standby') {
    const nothing = { replayedLsn: null, timeline: null, streaming: false, latestEndLsn: null };
    return { ...nothing, recoveringLsn: recovery.progress, expectedTimeline, problem };
  }
  const { replayedLsn, timeline, receiver } = sql.role;
  // Fed by the archive alone it never streams: that it replays is all there is to see.
  const archive = upstream === null && restores;
  return {
    replayedLsn,
    recoveringLsn: null,
    timeline,
    streaming: archive || receiver?.status === 'streaming',
    latestEndLsn: archive ? replayedLsn : (receiver?.latestEndLsn ?? null),
    expectedTimeline,
    problem,
  };
}
