import type { CommandDecision, Decision, DecisionInput, OperatorCommand } from '../decision.ts';
import { acceptHandBack } from './absent-agent.ts';
import { startBootstrap, watchBootstrap } from './bootstrap.ts';
import { changeRemote } from './change-remote.ts';
import { recordClockJump } from './clock-jump.ts';
import { decideConfigure } from './configure.ts';
import { fenceByData, suspectPrimary } from './data-fencing.ts';
import { decideDemoteCluster, watchDemotion } from './demote-cluster.ts';
import { recordDivergedWal } from './diverged-wal.ts';
import { abandonFailover, chooseCandidate } from './failover.ts';
import { confirmFailsafeMembers } from './failsafe.ts';
import { decideAcknowledge } from './flap-block.ts';
import { recordFollowers } from './followers.ts';
import { recordHolder, withdrawPromotion } from './holder.ts';
import { failOverHung } from './hung-primary.ts';
import { handOverLeaving } from './leaving.ts';
import { recordLeftRemote } from './left-remote.ts';
import { expireLease, failOverDeadPostgres, restartInPlace } from './loss.ts';
import { decideMaintenance } from './maintenance.ts';
import { recordPrimaryServer } from './measure-primary.ts';
import { recordMembers } from './membership.ts';
import { decideOperatorFailover } from './operator-failover.ts';
import { decidePromoteCluster } from './promote-cluster.ts';
import { decideCancelRebuild, decideRebuild, orderRebuilds, recordRebuilds } from './rebuild.ts';
import { decideCancelRestart, decideRestart, runRestarts } from './restart.ts';
import { decideResume } from './resume.ts';
import { keepMemberSlots, warnOfSlots } from './slots.ts';
import { chooseStandbyLeader, recordRemoteTimelines } from './standby-leader.ts';
import { decideSwitchover, watchSwitchover } from './switchover.ts';
import { keepSyncSet } from './sync-set.ts';
import { watchUpstreams } from './upstreams.ts';

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
  recordRebuilds,
  orderRebuilds,
  recordDivergedWal,
  runRestarts,
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
      return decideOperatorFailover(input, command.to, command.acceptLoss);
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
