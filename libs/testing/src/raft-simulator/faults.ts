import type { Prng } from '#libs/kernel';
import type { MemberId, Membership } from '#libs/raft';
import type { Ends } from './ends.ts';
import type { Network } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import { spoil, upgrade } from './sim-integrity.ts';
import type { SimMember } from './sim-member.ts';
import type { FaultKind, Swarm } from './swarm.ts';

export type FaultScene = {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly network: Network;
  readonly swarm: Swarm;
  readonly members: () => readonly SimMember[];
  readonly over: () => boolean;
  readonly bootstrap: Membership;
  readonly count: (what: string) => void;
  readonly ends: Ends;
};

/** Injects a fault now and then, until the safety phase is over. */
export function planFaults(scene: FaultScene): void {
  const { scheduler, prng, swarm } = scene;
  if (swarm.faults.length === 0) return;
  const next = (): void => {
    if (scene.over()) return;
    inject(scene, prng.pick(swarm.faults));
    scheduler.after(prng.unit() * 2 * swarm.faultEveryMs, next);
  };
  scheduler.after(prng.unit() * swarm.faultEveryMs, next);
}

/** Ends every fault: from here on the group must find together. */
export function healAll(scene: FaultScene): void {
  scene.network.mend();
  scene.network.healed = true;
  for (const member of scene.members()) {
    member.unstall();
    member.resume();
    upgrade(member);
    member.restart();
  }
}

function inject(scene: FaultScene, kind: FaultKind): void {
  const { prng, scheduler, network } = scene;
  const members = scene.members();
  const victim = prng.pick(members);
  const after = (maxMs: number, run: () => void): void => scheduler.after(prng.unit() * maxMs, run);
  switch (kind) {
    case 'crash':
      victim.crash();
      after(3_000, () => victim.restart());
      return;
    case 'restartStorm':
      for (const member of members) {
        if (prng.chance(0.3)) continue;
        member.crash();
        after(500, () => member.restart());
      }
      return;
    case 'failedWrite':
      victim.onDisk((store) => store.failNextWrite());
      return;
    case 'damage': {
      const damaged = members.filter((member) => member.damageDone).length;
      if (damaged < scene.swarm.damagedDisksMax) victim.damage();
      after(1_000, () => victim.restart());
      return;
    }
    case 'copyDirectory':
      victim.onDisk((store) => store.takeCopy());
      return;
    case 'diskReplaced': {
      const damaged = members.filter((member) => member.damageDone).length;
      if (victim.damageDone || damaged >= scene.swarm.damagedDisksMax) return;
      if (victim.replaceDisk(scene.bootstrap)) scene.count('disksReplaced');
      after(1_000, () => victim.restart());
      return;
    }
    case 'upgrade':
      upgrade(victim);
      after(1_000, () => victim.restart());
      return;
    case 'oddState':
      if (members.every(({ condition }) => !condition.spoiled)) spoil(victim);
      return;
    case 'pause':
      victim.pause();
      after(prng.pick([100, 1_500, 4_000]), () => victim.resume());
      return;
    case 'writeStall':
      victim.stall();
      after(prng.pick([500, 4_000]), () => victim.unstall());
      return;
    case 'reset':
      scene.ends.reset(victim.id);
      return;
    default:
      cut(kind, network, ids(members), prng);
      after(prng.pick([300, 2_000, 5_000]), () => network.mend());
  }
}

function cut(kind: FaultKind, network: Network, members: readonly MemberId[], prng: Prng): void {
  const chosen = prng.pick(members);
  if (kind === 'oneWay') {
    for (const id of members) {
      if (id === chosen || prng.chance(0.4)) continue;
      if (prng.chance(0.5)) network.cutOneWay(id, chosen);
      else network.cutOneWay(chosen, id);
    }
    return;
  }
  for (const [at, a] of members.entries()) {
    for (const [later, b] of members.entries()) {
      if (later <= at) continue;
      if (isCut(kind, { a, b, adjacent: later === at + 1, hub: chosen, prng })) {
        network.cutBothWays(a, b);
      }
    }
  }
}

type Pair = {
  readonly a: MemberId;
  readonly b: MemberId;
  readonly adjacent: boolean;
  readonly hub: MemberId;
  readonly prng: Prng;
};

function isCut(kind: FaultKind, { a, b, adjacent, hub, prng }: Pair): boolean {
  if (kind === 'hub') return a !== hub && b !== hub;
  if (kind === 'chain') return !adjacent;
  if (prng.chance(0.05)) return true;
  return a <= hub !== b <= hub;
}

function ids(members: readonly SimMember[]): readonly MemberId[] {
  return members.map(({ id }) => id);
}
