/**
 * The leader is lost while the end of an epoch is under way, and its holder is heard again just then: the next leader
 * has that end in its log, and must not answer a renewal before it knows what has become of it (Raft 8).
 */
import type { ClusterEvent } from '#libs/cluster';
import type { FaultScene } from './cluster-faults.ts';
import { count, say } from './cluster-world.ts';
import type { SimController } from './sim-controller.ts';

/** In so many worlds. */
const CHANCE = 0.3;
const STRIKE_CHANCE = 0.7;
/** Sent to the others by then, and seldom known to be committed. */
const WITHIN_MS = 8;
const AWAY_MAX_MS = 3_000;

export function planLostExpiries(scene: FaultScene): void {
  const { world, prng, over } = scene;
  if (!prng.chance(CHANCE)) return;
  world.oracle.onProposed = (owner, leader) => {
    if (over() || !ends(owner) || !prng.chance(STRIKE_CHANCE)) return;
    world.scheduler.after(prng.unit() * WITHIN_MS, () => {
      if (!over()) lose(scene, leader);
    });
  };
}

function lose({ world, prng }: FaultScene, leader: SimController): void {
  say(world, `fault lostExpiry at ${leader.name}`);
  count(world, 'faults');
  count(world, 'fault lostExpiry');
  leader.kill();
  world.scheduler.after(prng.unit() * AWAY_MAX_MS, () => leader.start());
  world.network.mend();
  for (const { host, guard } of world.nodes) {
    host.thaw();
    guard.process.resume();
  }
}

/** Of a decision of the rules: orders of operators end no epoch by themselves. */
function ends(owner: object): boolean {
  if (!('decision' in owner)) return false;
  const { events } = owner.decision as { readonly events: readonly ClusterEvent[] };
  return events.some(({ type }) => type === 'LeaseExpired');
}
