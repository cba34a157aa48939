import type { ControllerProcesses } from '../controller/controller-processes.ts';
import { until } from '../until.ts';

/** Several election timeouts, and a busy machine. */
const NOTICED_MS = 60_000;

/** What happens to the leader, and is taken back. */
export const LEADER_FAULTS = ['kill', 'stop', 'asleep', 'cut', 'apart', 'mute', 'deaf'] as const;
export type LeaderFault = (typeof LEADER_FAULTS)[number];

/** Inflicts it on `leader`, and takes it back after `hold`. */
export async function inflictOnLeader(
  fault: LeaderFault,
  leader: string,
  processes: ControllerProcesses,
  hold: () => Promise<void>,
): Promise<void> {
  const { network, names } = processes;
  const others = names.filter((name) => name !== leader);
  switch (fault) {
    case 'kill':
      await processes.kill(leader);
      await hold();
      processes.start(leader);
      return;
    case 'stop':
      processes.signal(leader, 'SIGSTOP');
      await hold();
      processes.signal(leader, 'SIGCONT');
      return;
    // It wakes, has heard nothing, and believes for an election timeout that it leads.
    case 'asleep':
      await processes.sleepApart(leader);
      await hold();
      processes.signal(leader, 'SIGCONT');
      await until(async () => {
        const seen = await processes.seats(leader);
        return seen !== null && seen.leader !== leader;
      }, NOTICED_MS);
      await network.healAll();
      return;
    // Clients do not reach it either.
    case 'cut':
      await network.cut(leader);
      break;
    // Clients reach it, and it may believe for a while that it leads.
    case 'apart':
      await network.partition([leader], others);
      break;
    // The others do not hear it, it hears them.
    case 'mute':
      for (const other of others) await network.cutOneWay(leader, other);
      break;
    case 'deaf':
      for (const other of others) await network.cutOneWay(other, leader);
      break;
  }
  await hold();
  await network.healAll();
}
