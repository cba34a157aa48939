import type { OperatorCommand } from '#libs/cluster';
import { instanceName, type Prng } from '#libs/kernel';
import type { ClusterFault } from './cluster-swarm.ts';
import { type ClusterWorld, count, say } from './cluster-world.ts';
import type { SimController } from './sim-controller.ts';
import type { SimHost } from './sim-host.ts';
import type { SimNode } from './sim-node.ts';

export type FaultScene = {
  readonly world: ClusterWorld;
  readonly prng: Prng;
  readonly over: () => boolean;
};

/** Injects a fault now and then, until the safety phase is over. */
export function planClusterFaults(scene: FaultScene): void {
  const { world, prng } = scene;
  const { faults, faultEveryMs } = world.swarm;
  if (faults.length === 0) return;
  const next = (): void => {
    if (scene.over()) return;
    const kind = prng.pick(faults);
    say(world, `fault ${kind}`);
    count(world, 'faults');
    count(world, `fault ${kind}`);
    inject(scene, kind);
    world.scheduler.after(prng.unit() * 2 * faultEveryMs, next);
  };
  world.scheduler.after(prng.unit() * faultEveryMs, next);
}

/** Ends every fault: from here on the cluster must find together. */
export function healCluster({ world }: FaultScene): void {
  world.network.mend();
  world.network.healed = true;
  for (const node of world.nodes) {
    node.powerOn();
    node.host.thaw();
    node.postgres.diskFull = false;
    node.postgres.thawDisk();
    node.postgres.slowPromotionMs = 0;
    node.postgres.reloadHeldUntilMs = 0;
    node.postgres.slowStopMs = 0;
    node.guard.process.resume();
    node.agent.process.resume();
    node.agent.start();
  }
  for (const controller of world.controllers) {
    controller.host.up = true;
    controller.host.thaw();
    controller.process.resume();
    controller.start();
  }
}

/** Orders are decided by whoever leads at the moment; nobody minds when nobody does. */
export function order(world: ClusterWorld, command: OperatorCommand): void {
  for (const { life } of world.controllers) life?.order(command);
}

/** At the primary more often than elsewhere, unless `at` says where. */
export function inject(scene: FaultScene, kind: ClusterFault, at?: SimNode): void {
  const { world, prng } = scene;
  const after = (maxMs: number, run: () => void): void =>
    world.scheduler.after(prng.unit() * maxMs, run);
  const node = at ?? pickNode(scene);
  const controller = prng.pick(world.controllers);
  const { postgres } = node;
  switch (kind) {
    case 'killController':
      restartLater(scene, [controller], 4_000);
      return;
    case 'killControllerMajority':
      restartLater(scene, majority(world.controllers), 6_000);
      return;
    case 'killAllControllers':
      restartLater(scene, world.controllers, 8_000);
      return;
    case 'pauseController':
      controller.process.pause();
      after(4_000, () => controller.process.resume());
      return;
    case 'killAgent':
      node.agent.kill();
      after(2_500, () => node.agent.start());
      return;
    case 'pauseAgent':
      node.agent.process.pause();
      after(4_000, () => node.agent.process.resume());
      return;
    case 'killGuard':
      node.guard.kill();
      return;
    case 'pauseGuard':
      node.guard.process.pause();
      after(5_000, () => node.guard.process.resume());
      return;
    case 'pauseGuardAndAgent':
      node.guard.process.pause();
      node.agent.process.pause();
      after(7_000, () => {
        node.guard.process.resume();
        node.agent.process.resume();
      });
      return;
    case 'killPostmaster':
      postgres.killPostmaster();
      return;
    case 'hangDisk':
      // A standby whose disk hangs is one that lags.
      if (!postgres.writable) return;
      postgres.hangDisk();
      after(12_000, () => postgres.thawDisk());
      return;
    default:
      injectBeyond(scene, kind, node);
  }
}

/** Faults of hosts, the network, files and operators. */
function injectBeyond(scene: FaultScene, kind: ClusterFault, node: SimNode): void {
  const { world, prng } = scene;
  const after = (maxMs: number, run: () => void): void =>
    world.scheduler.after(prng.unit() * maxMs, run);
  const { postgres } = node;
  switch (kind) {
    case 'powerOff':
      powerOffHost(scene, node.host);
      return;
    case 'freezeHost':
      node.host.freeze();
      after(8_000, () => node.host.thaw());
      return;
    case 'isolateHost':
      for (const other of world.hosts) {
        if (other !== node.host) world.network.cut(node.host, other);
      }
      after(8_000, () => world.network.mend());
      return;
    case 'cutLink':
      world.network.cut(node.host, prng.pick(world.hosts));
      after(8_000, () => world.network.mend());
      return;
    case 'cutOneWay':
      for (const other of world.hosts) {
        if (prng.chance(0.5)) continue;
        if (prng.chance(0.5)) world.network.cutOneWay(node.host, other);
        else world.network.cutOneWay(other, node.host);
      }
      after(6_000, () => world.network.mend());
      return;
    case 'slowNetwork':
      world.network.slowMs = prng.pick([20, 150, 600]);
      after(4_000, () => {
        world.network.slowMs = 0;
      });
      return;
    case 'diskFull':
      postgres.diskFull = true;
      after(4_000, () => {
        postgres.diskFull = false;
      });
      return;
    case 'slowPromotion':
      for (const each of world.nodes) each.postgres.slowPromotionMs = prng.unit() * 8_000;
      after(10_000, () => {
        for (const each of world.nodes) each.postgres.slowPromotionMs = 0;
      });
      return;
    case 'holdReload':
      postgres.reloadHeldUntilMs = world.scheduler.nowMs + prng.unit() * 12_000;
      return;
    case 'slowStop':
      postgres.slowStopMs = prng.unit() * 3_000;
      after(8_000, () => {
        postgres.slowStopMs = 0;
      });
      return;
    case 'restartAll':
      for (const host of world.hosts) powerOffHost(scene, host);
      return;
    case 'switchover':
      order(world, { type: 'switchover', to: null });
      return;
    case 'failover': {
      const to = prng.chance(0.5) ? instanceName(prng.pick(world.nodes).name) : null;
      order(world, { type: 'failover', to, acceptLoss: prng.chance(0.2) });
      return;
    }
    case 'pauseCluster':
      order(world, { type: 'pause' });
      after(5_000, () => order(world, { type: 'resume' }));
      return;
    default:
  }
}

/** The primary is where faults matter most. */
export function pickNode({ world, prng }: FaultScene): SimNode {
  const primary = world.nodes.find(({ postgres }) => postgres.writable);
  return primary !== undefined && prng.chance(0.55) ? primary : prng.pick(world.nodes);
}

function majority(controllers: readonly SimController[]): readonly SimController[] {
  return controllers.slice(0, Math.floor(controllers.length / 2) + 1);
}

function restartLater(
  { world, prng }: FaultScene,
  controllers: readonly SimController[],
  maxMs: number,
): void {
  for (const controller of controllers) {
    controller.kill();
    world.scheduler.after(prng.unit() * maxMs, () => controller.start());
  }
}

function powerOffHost({ world, prng }: FaultScene, host: SimHost): void {
  if (!host.up) return;
  const nodes = world.nodes.filter((node) => node.host === host);
  const controllers = world.controllers.filter((controller) => controller.host === host);
  for (const controller of controllers) controller.powerOff();
  for (const node of nodes) node.powerOff();
  host.frozen = false;
  host.up = false;
  world.scheduler.after(prng.unit() * 9_000, () => {
    for (const node of nodes) node.powerOn();
    host.up = true;
    for (const controller of controllers) controller.start();
  });
}
