import { unreachable } from '#libs/kernel';
import type { Matriarch } from '../../bench/failover/systems/matriarch.ts';
import { signalAll } from '../hosts/signal-all.ts';
import type { HostClocks } from './host-clock.ts';
import type { Cast } from './roles.ts';
import type { SmallDisk } from './small-disk.ts';
import type { InstancePart, Strike } from './strike.ts';

export type Battlefield = {
  readonly system: Matriarch;
  readonly disks: ReadonlyMap<string, SmallDisk>;
  readonly clocks: HostClocks;
};

/** Ends what the strike began; everything is whole again or starts to be. */
export type End = () => Promise<void>;

/** Carries a strike out on the hosts that play its roles now. */
export async function carryOut(strike: Strike, cast: Cast, field: Battlefield): Promise<End> {
  const { system, disks, clocks } = field;
  const { network } = system;
  switch (strike.kind) {
    case 'kill':
      return signalParts(system, cast[strike.on], strike.what, 'SIGKILL');
    case 'stop':
      return signalParts(system, cast[strike.on], strike.what, 'SIGSTOP');
    case 'kill-controllers':
    case 'stop-controllers': {
      const pids = strike.which.flatMap((role) => system.controllerPid(cast[role]) ?? []);
      return signalThem(pids, strike.kind === 'kill-controllers' ? 'SIGKILL' : 'SIGSTOP');
    }
    case 'power-off':
      return await powerOff(
        system,
        strike.hosts.map((role) => cast[role]),
      );
    case 'cut': {
      const hosts = strike.hosts.map((role) => cast[role]);
      for (const host of hosts) await network.cut(host);
      return async () => {
        for (const host of hosts) await network.heal(host);
      };
    }
    case 'one-way':
      await network.cutOneWay(cast[strike.from], cast[strike.to]);
      return () => network.healOneWay(cast[strike.from]);
    case 'partition': {
      const group = strike.group.map((role) => cast[role]);
      const others = Object.values(cast).filter((host) => !group.includes(host));
      await network.partition(group, others);
      return () => network.healAll();
    }
    case 'disk-full': {
      const disk = disks.get(cast[strike.on]);
      await disk?.fill();
      return async () => disk?.free();
    }
    case 'clock-step':
      clocks.set(cast[strike.on], strike.seconds);
      return async () => clocks.set(cast[strike.on], 0);
    case 'switchover':
      await orderSwitchover(system);
      return nothing;
    default:
      return unreachable(strike);
  }
}

/** A refusal is an answer too: a cluster in trouble takes no such order. */
async function orderSwitchover(system: Matriarch): Promise<void> {
  try {
    await system.switchover();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

async function powerOff(system: Matriarch, hosts: readonly string[]): Promise<End> {
  for (const host of hosts) system.holdDown(host);
  for (const host of hosts) await system.network.cut(host);
  for (const host of hosts) await system.network.killEverything(host);
  return async () => {
    for (const host of hosts) await system.network.heal(host);
    for (const host of hosts) await system.startAgain(host);
  };
}

/** What does not run just now is not hit: an earlier strike was there before. */
function signalParts(
  system: Matriarch,
  host: string,
  what: InstancePart,
  signal: NodeJS.Signals,
): End {
  const pidOf = {
    postmaster: () => [system.postmasterPid(host)],
    agent: () => [system.pidOf('manager', host)],
    guard: () => [system.pidOf('guard', host)],
    'agent+guard': () => [system.pidOf('manager', host), system.pidOf('guard', host)],
  };
  return signalThem(
    pidOf[what]().filter((pid) => pid !== null),
    signal,
  );
}

function signalThem(pids: readonly number[], signal: NodeJS.Signals): End {
  const hit = signalAll(pids, signal);
  if (signal !== 'SIGSTOP') return nothing;
  return async () => void signalAll(hit, 'SIGCONT');
}

async function nothing(): Promise<void> {}
