/**
 * The leader is lost while the end of an epoch is under way, and its holder is heard again just then: the next leader
 * has that end in its log, and must not answer a renewal before it knows what has become of it (Raft 8).
 */
import type { ClusterEvent } from '#libs/cluster';
import type { FaultScene } from './cluster-faults.ts';
import { LOST_EXPIRIES } from './cluster-swarm.ts';
import { count, say } from './cluster-world.ts';
import type { SimController } from './sim-controller.ts';

const STRIKE_CHANCE = 0.7;
const AWAY_MAX_MS = 3_000;

export function planLostExpiries(scene: FaultScene): void {
  const { world, prng, over } = scene;
  const { lostExpiries, delayMs, controllerWriteMs } = world.swarm;
  if (!lostExpiries) return;
  world.oracle.onProposed = (owner, leader) => {
    if (over() || !ends(owner) || !prng.chance(STRIKE_CHANCE)) return;
    // The others have it by then, and seldom know that it is committed.
    const inMs = delayMs + prng.unit() * (delayMs + controllerWriteMs);
    world.scheduler.after(inMs, () => {
      if (!over()) lose(scene, leader);
    });
  };
}

function lose({ world, prng }: FaultScene, leader: SimController): void {
  say(world, `fault ${LOST_EXPIRIES} at ${leader.name}`);
  count(world, 'faults');
  count(world, `fault ${LOST_EXPIRIES}`);
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
