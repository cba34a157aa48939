import { unreachable } from '#libs/kernel';
import type { Fault } from './fault.ts';
import type { ManagerProcess, SystemUnderTest } from './systems/system.ts';

/** What makes the cluster whole again, as an operator or a service manager would. */
export type Repair = () => Promise<void>;

/** Resolves when the fault has happened. */
export async function inflict(
  fault: Fault,
  system: SystemUnderTest,
  primary: string,
): Promise<Repair> {
  const { network } = system;
  switch (fault) {
    case 'host-death':
      return await loseHosts(system, [primary]);
    case 'host-and-leader-death':
      return await loseHosts(system, [primary, await system.leaderHost()]);
    case 'link-cut':
      await network.cut(primary);
      return () => network.heal(primary);
    case 'postmaster-kill':
      kill(system.postmasterPid(primary), 'SIGKILL', `postmaster on ${primary}`);
      return nothingToRepair;
    case 'manager-kill':
      killProcess(system, 'manager', primary);
      return () => system.startAgain(primary);
    case 'guard-kill':
      killProcess(system, 'guard', primary);
      return nothingToRepair;
    case 'manager-stop': {
      const pid = system.pidOf('manager', primary);
      kill(pid, 'SIGSTOP', `manager on ${primary}`);
      return async () => kill(pid, 'SIGCONT', `manager on ${primary}`);
    }
    case 'controller-kill': {
      const leader = await system.leaderHost();
      await system.killLeader();
      return () => system.startAgain(leader);
    }
    case 'switchover':
      await system.switchover(primary);
      return nothingToRepair;
    default:
      return unreachable(fault);
  }
}

/** Cables first, so that no connection is reset, then every process at once. */
async function loseHosts(system: SystemUnderTest, hosts: readonly string[]): Promise<Repair> {
  const { network } = system;
  for (const host of hosts) system.holdDown(host);
  for (const host of hosts) await network.cut(host);
  for (const host of hosts) await network.killEverything(host);
  return async () => {
    for (const host of hosts) await network.heal(host);
    for (const host of hosts) await system.startAgain(host);
  };
}

function killProcess(system: SystemUnderTest, what: ManagerProcess, host: string): void {
  kill(system.pidOf(what, host), 'SIGKILL', `${what} on ${host}`);
}

function kill(pid: number | null, signal: NodeJS.Signals, what: string): void {
  if (pid === null) throw new Error(`${what} is not running`);
  process.kill(pid, signal);
}

async function nothingToRepair(): Promise<void> {}
