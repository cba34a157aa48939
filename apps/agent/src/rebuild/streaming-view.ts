import type { ClusterState } from '#libs/cluster';
import type { Snapshot } from '../observe/snapshot.ts';
import type { StreamingView } from './streaming-watch.ts';

/** What a copy that is in place shows of itself. */
export function streamingViewOf(
  { sql }: Snapshot,
  state: ClusterState | null,
  problem: string | null,
): StreamingView {
  const expectedTimeline = state?.history.at(-1)?.timeline ?? null;
  if (sql?.kind !== 'reachable' || sql.role.kind !== 'standby') {
    const nothing = { replayedLsn: null, timeline: null, streaming: false, latestEndLsn: null };
    return { ...nothing, expectedTimeline, problem };
  }
  const { replayedLsn, timeline, receiver } = sql.role;
  return {
    replayedLsn,
    timeline,
    streaming: receiver?.status === 'streaming',
    latestEndLsn: receiver?.latestEndLsn ?? null,
    expectedTimeline,
    problem,
  };
}
