import { instanceName } from '#libs/kernel';
import { type FaultScene, inject, order } from './cluster-faults.ts';
import { CLUSTER, count } from './cluster-world.ts';

const LOOK_MS = 1_000;
const REBUILT_EVERY_MS = 15_000;
/** In so many worlds. */
const CHANCE = 0.2;

/** Standbys are built anew, and the primary is lost meanwhile: what was put aside may be all there is (safety 25). */
export function planLossesInRebuilds(scene: FaultScene): void {
  const { world, prng } = scene;
  if (!prng.chance(CHANCE)) return;
  const next = (): void => {
    if (scene.over()) return;
    world.scheduler.after(prng.unit() * 2 * REBUILT_EVERY_MS, next);
    const primary = world.nodes.find(({ postgres }) => postgres.writable);
    const node = prng.pick(world.nodes);
    if (primary === undefined || node === primary) return;
    count(world, 'lostInRebuilds');
    const kind = { type: 'rebuild', method: null, from: null, force: true } as const;
    order(world, { ...kind, instance: instanceName(node.name) });
    const during = prng.unit() * world.swarm.cloneMaxMs;
    world.scheduler.after(during, () => inject(scene, 'powerOff', primary));
  };
  world.scheduler.after(prng.unit() * REBUILT_EVERY_MS, next);
  takeOffers(scene);
}

/** An operator takes the copy aside that a blocked failover offers, and accepts a loss now and then. */
function takeOffers(scene: FaultScene): void {
  const { world, prng } = scene;
  const look = (): void => {
    if (scene.over()) return;
    world.scheduler.after(LOOK_MS, look);
    const leader = world.controllers.find(({ life }) => life?.serving === true)?.life;
    const state = leader?.store.cluster(CLUSTER);
    if (state?.operation.kind !== 'failover') return;
    const offer = state.lastRefusal?.refusals.find(({ rule }) => rule === 'copy-aside');
    if (offer === undefined) return;
    count(world, 'copiesOffered');
    const acceptLoss = prng.chance(0.5);
    order(world, { type: 'failover', to: offer.instance, acceptLoss, copyAside: true });
  };
  world.scheduler.after(LOOK_MS, look);
}
