import { epoch, timelineId } from '#libs/kernel';
import type { Decision } from '../../decision.ts';
import type { AgentReport } from '../../report.ts';
import type { ClusterState } from '../../state.ts';
import { firstSetting, synchronousOf } from '../../sync-set/standing-setting.ts';

/** The first epoch, for an instance whose data is there. */
export function firstGrant(state: ClusterState, report: AgentReport): Decision | null {
  const { instance, guard, dataDirectory } = report;
  if (dataDirectory.kind !== 'initialised' || guard === null) return null;
  const { systemIdentifier, timeline } = dataDirectory;
  return {
    rule: 'first-grant',
    events: [
      { type: 'ClusterInitialised', instance, systemIdentifier },
      {
        type: 'LeaseGranted',
        epoch: epoch(1),
        holder: instance,
        guard: guard.incarnation,
        timeline: timelineId(timeline),
        reason: 'bootstrap',
        refusals: [],
        position: null,
        ...synchronousOf(state, firstSetting(state)),
      },
    ],
  };
}
