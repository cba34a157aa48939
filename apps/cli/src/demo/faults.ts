import { DomainError, unreachable } from '#libs/kernel';
import type { ClusterApi } from './cluster-api.ts';
import { guardPid, postmasterPid } from './instance-processes.ts';
import type { InstancePlan } from './plan.ts';
import type { RunningCluster } from './running-cluster.ts';

/** Names as in the reports of bench and chaos. */
export type Fault =
  | 'postmaster-kill'
  | 'guard-kill'
  | 'manager-kill'
  | 'controller-kill'
  | 'switchover';

class NothingToKillError extends DomainError {
  readonly code = 'NOTHING_TO_KILL';
}

/** Carries a fault out; whatever was killed is started again by its supervisor or its agent. */
export async function inflict(
  fault: Fault,
  cluster: RunningCluster,
  api: ClusterApi,
): Promise<string> {
  switch (fault) {
    case 'switchover':
      await api.switchover();
      return 'switchover ordered';
    case 'controller-kill':
      return await killLeader(cluster, api);
    case 'postmaster-kill': {
      const primary = await primaryOf(cluster);
      return kill(postmasterPid(primary), `postmaster of ${primary.name}`);
    }
    case 'guard-kill': {
      const primary = await primaryOf(cluster);
      return kill(guardPid(primary), `guard of ${primary.name}`);
    }
    case 'manager-kill': {
      const { name } = await primaryOf(cluster);
      return kill(cluster.agents.get(name)?.pid ?? null, `agent of ${name}`);
    }
    default:
      return unreachable(fault);
  }
}

async function primaryOf(cluster: RunningCluster): Promise<InstancePlan> {
  const { primary } = await cluster.observe();
  if (primary === null) throw new NothingToKillError('there is no primary right now');
  return cluster.instance(primary);
}

async function killLeader(cluster: RunningCluster, api: ClusterApi): Promise<string> {
  const leader = await api.leader();
  const controller = leader === null ? undefined : cluster.controllers.get(leader);
  if (controller === undefined) throw new NothingToKillError('no controller leads right now');
  return kill(controller.pid, `controller ${leader}, which leads,`);
}

function kill(pid: number | null, what: string): string {
  if (pid === null) throw new NothingToKillError(`${what} is not running`);
  process.kill(pid, 'SIGKILL');
  return `${what} killed (pid ${pid})`;
}
