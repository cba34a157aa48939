import type { ClusterState } from '#libs/cluster';
import type { Snapshot } from '../observe/snapshot.ts';
import type { RebuildDesk } from './rebuild-desk.ts';
import { streamingViewOf } from './streaming-view.ts';
import type { UpstreamEnd } from './upstream-end.ts';

/** Looks after each observation whether a copy that is in place proves itself. */
export class CopyProof {
  constructor(
    readonly desk: Pick<RebuildDesk, 'look' | 'awaitsProof'>,
    readonly upstreamEnd: Pick<UpstreamEnd, 'ask' | 'forget'>,
  ) {}

  look(
    latest: Snapshot | null,
    state: ClusterState | null,
    problem: string | null,
    nowMs: number,
  ): void {
    if (latest === null) return;
    if (!this.desk.awaitsProof) {
      this.upstreamEnd.forget();
      return;
    }
    const view = streamingViewOf(latest, state, problem);
    const deaf = view.streaming && view.latestEndLsn === null;
    const latestEndLsn = deaf ? this.upstreamEnd.ask(nowMs) : view.latestEndLsn;
    this.desk.look({ ...view, latestEndLsn }, nowMs);
  }
}
