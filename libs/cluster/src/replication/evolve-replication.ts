import type { ClusterState, MemberRecord } from '../state.ts';
import type { ReplicationEvent } from './replication-events.ts';

/** Slots, and who may be streamed from. */
export function evolveReplication(state: ClusterState, event: ReplicationEvent): ClusterState {
  const { members, readyUpstreams = [], slotDangers = {} } = state;
  switch (event.type) {
    case 'SlotWarned': {
      const { [event.slot]: _before, ...others } = slotDangers;
      const { danger } = event;
      return {
        ...state,
        slotDangers: danger === null ? others : { ...others, [event.slot]: danger },
      };
    }
    case 'MemberSlotReleased':
      return withMember(state, event.instance, (member) => ({ ...member, slotReleased: true }));
    case 'MemberSlotRestored':
      return withMember(state, event.instance, ({ slotReleased: _gone, ...member }) => member);
    case 'UpstreamReady':
      if (members[event.instance] === undefined) return state;
      return { ...state, readyUpstreams: [...new Set([...readyUpstreams, event.instance])].sort() };
    case 'UpstreamLost':
      return {
        ...state,
        readyUpstreams: readyUpstreams.filter((name) => name !== event.instance),
      };
  }
}

function withMember(
  state: ClusterState,
  name: string,
  change: (member: MemberRecord) => MemberRecord,
): ClusterState {
  const member = state.members[name];
  if (member === undefined) return state;
  return { ...state, members: { ...state.members, [name]: change(member) } };
}
