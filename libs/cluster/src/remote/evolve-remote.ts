import type { EpochMs, TimelineId } from '#libs/kernel';
import type { ClusterState, TimelineRecord } from '../state.ts';
import type { Following } from './remote.ts';
import type { RemoteEvent } from './remote-events.ts';

/** Whom the cluster follows, and who of it does so for the others. */
export function evolveRemote(state: ClusterState, event: RemoteEvent, at: EpochMs): ClusterState {
  const { following } = state;
  switch (event.type) {
    case 'StandbyLeaderChosen':
      if (following === undefined) return state;
      return { ...withoutUpstreams(state), following: { ...following, leader: event.instance } };
    case 'RemoteTimelinesFollowed': {
      const ids = event.timelines.map(({ timeline }) => timeline);
      const history = [...state.history, ...event.timelines];
      return {
        ...state,
        history: endingWith(history, event.timeline ?? ids.at(-1)),
        highestTimeline: Math.max(state.highestTimeline, ...ids),
      };
    }
    case 'RemoteChangeAsked': {
      if (following === undefined) return state;
      const asked = { remote: event.remote, by: event.instance, at };
      return { ...state, following: { ...following, asked } };
    }
    case 'RemoteChangeRefused':
      return following === undefined ? state : { ...state, following: unasked(following) };
    case 'RemoteChanged':
      if (following === undefined) return state;
      return { ...state, following: { ...unasked(following), remote: event.remote } };
    case 'ClusterDemotionStarted': {
      const { epoch, primary, remote, acceptUnknown } = event;
      const times = { startedAt: at, stepAt: at };
      const word = acceptUnknown === undefined ? {} : { acceptUnknown };
      return {
        ...state,
        operation: { kind: 'demotion', epoch, primary, remote, stoppedAt: null, ...times, ...word },
      };
    }
    case 'ClusterDemotionAbandoned':
      return { ...state, operation: { kind: 'none' } };
    case 'ClusterDemoted': {
      const { remote, stoppedAt } = event;
      const lost = stoppedAt === null ? lostOn(state) : {};
      return {
        ...withoutUpstreams(state),
        operation: { kind: 'none' },
        following: { remote, leader: null, stoppedAt, ...lost },
        lastRefusal: null,
      };
    }
    case 'ClusterPromoted': {
      const { following: _before, ...alone } = state;
      return { ...withoutUpstreams(alone), lastRefusal: null };
    }
  }
}

function unasked({ asked: _over, ...following }: Following): Following {
  return following;
}

/** The line of descent of the last entry is the one that counts. */
function endingWith(
  history: readonly TimelineRecord[],
  timeline: TimelineId | undefined,
): readonly TimelineRecord[] {
  const last = history.find((record) => record.timeline === timeline);
  if (last === undefined) return history;
  return [...history.filter((record) => record !== last), last];
}

/** It may have been granted a later one than it was heard to write. */
function lostOn({ lease, history }: ClusterState): { readonly lostOn?: TimelineId } {
  const last = lease.kind === 'NeverGranted' ? history.at(-1)?.timeline : lease.timeline;
  return last === undefined ? {} : { lostOn: last };
}

/** Who streams from a new source must be seen anew. */
function withoutUpstreams({ readyUpstreams: _seen, ...others }: ClusterState): ClusterState {
  return others;
}
