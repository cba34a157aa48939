import type { CommandDecision, Decision, DecisionInput, OperatorCommand } from '../decision.ts';
import { startBootstrap, watchBootstrap } from './bootstrap/bootstrap.ts';
import { confirmFailsafeMembers } from './candidates/failsafe.ts';
import { decideAcknowledge } from './candidates/flap-block.ts';
import { acceptHandBack } from './failover/absent-agent.ts';
import { fenceByData, suspectPrimary } from './failover/data-fencing.ts';
import { abandonFailover, chooseCandidate } from './failover/failover.ts';
import { recordHolder, withdrawPromotion } from './failover/holder.ts';
import { failOverHung } from './failover/hung-primary.ts';
import { expireLease, failOverDeadPostgres, restartInPlace } from './failover/loss.ts';
import { decideOperatorFailover } from './failover/operator-failover.ts';
import { recordClockJump } from './record/clock-jump.ts';
import { recordDivergedWal } from './record/diverged-wal.ts';
import { recordFollowers } from './record/followers.ts';
import { recordPrimaryServer } from './record/measure-primary.ts';
import { recordMembers } from './record/membership.ts';
import { recordRestarted } from './record/restarted.ts';
import { keepMemberSlots, warnOfSlots } from './replication/slots.ts';
import { watchUpstreams } from './replication/upstreams.ts';
import { changeRemote } from './standby-cluster/change-remote.ts';
import { decideDemoteCluster, watchDemotion } from './standby-cluster/demote-cluster.ts';
import { recordLeftRemote } from './standby-cluster/left-remote.ts';
import { decidePromoteCluster } from './standby-cluster/promote-cluster.ts';
import { chooseStandbyLeader, recordRemoteTimelines } from './standby-cluster/standby-leader.ts';
import { handOverLeaving } from './switchover/leaving.ts';
import { decideSwitchover, watchSwitchover } from './switchover/switchover.ts';
import { keepSyncSet } from './sync/sync-set.ts';
import { decideConfigure } from './upkeep/configure.ts';
import { decideMaintenance } from './upkeep/maintenance.ts';
import {
  decideCancelRebuild,
  decideRebuild,
  orderRebuilds,
  recordRebuilds,
} from './upkeep/rebuild.ts';
import { decideCancelRestart, decideRestart, runRestarts } from './upkeep/restart.ts';
import { decideResume } from './upkeep/resume.ts';
import { withdrawRebuild } from './upkeep/withdraw-rebuild.ts';

type Rule = (input: DecisionInput) => Decision | null;

/**
 * The rules in the order in which they are asked; the first that answers decides. Each looks at
 * committed state and at observations only, so a decision can be replayed from its evidence.
 */
const RULES: readonly Rule[] = [
  recordMembers,
  startBootstrap,
  watchBootstrap,
  recordHolder,
  abandonFailover,
  expireLease,
  withdrawPromotion,
  watchSwitchover,
  watchDemotion,
  changeRemote,
  recordRemoteTimelines,
  chooseStandbyLeader,
  suspectPrimary,
  failOverDeadPostgres,
  failOverHung,
  handOverLeaving,
  acceptHandBack,
  restartInPlace,
  fenceByData,
  recordLeftRemote,
  chooseCandidate,
  keepSyncSet,
  recordFollowers,
  recordPrimaryServer,
  confirmFailsafeMembers,
  recordClockJump,
  withdrawRebuild,
  recordRebuilds,
  orderRebuilds,
  recordDivergedWal,
  runRestarts,
  recordRestarted,
  watchUpstreams,
  keepMemberSlots,
  warnOfSlots,
];

/** The next batch of events for one cluster, or null when nothing is to be done now. */
export function decide(input: DecisionInput): Decision | null {
  for (const rule of RULES) {
    const decision = rule(input);
    if (decision !== null) return decision;
  }
  return null;
}

/** What an operator's command leads to; decided against the present state, whatever its version. */
export function decideCommand(input: DecisionInput, command: OperatorCommand): CommandDecision {
  switch (command.type) {
    case 'switchover':
      return decideSwitchover(input, command.to);
    case 'failover':
      return decideOperatorFailover(input, command);
    case 'acknowledge':
      return decideAcknowledge(input);
    case 'configure':
      return decideConfigure(input, command);
    case 'rebuild':
      return decideRebuild(input, command);
    case 'cancelRebuild':
      return decideCancelRebuild(input, command.instance);
    case 'restart':
      return decideRestart(input, command);
    case 'cancelRestart':
      return decideCancelRestart(input);
    case 'demoteCluster':
      return decideDemoteCluster(input, command);
    case 'promoteCluster':
      return decidePromoteCluster(input, command);
    case 'maintenance':
      return decideMaintenance(input, command.instance, command.on);
    case 'pause':
      if (input.state.paused) return { kind: 'satisfied', why: 'the cluster is paused already' };
      return decided('operator-pause', { type: 'ClusterPaused' });
    case 'resume':
      return decideResume(input);
  }
}

function decided(rule: string, event: Decision['events'][number]): CommandDecision {
  return { kind: 'decided', decision: { rule, events: [event] } };
}
