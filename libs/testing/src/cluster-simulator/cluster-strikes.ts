import { type FaultScene, inject } from './cluster-faults.ts';
import { count, say } from './cluster-world.ts';
import type { SimNode } from './sim-node.ts';

/** Steps after which something is half done. */
const MOMENTS: readonly string[] = [
  'LeaseGranted',
  'LeaseFenced',
  'SyncSettingOrdered',
  'SyncSetCommitted',
  'FailoverStarted',
  'FailoverAborted',
];
const SOON_MS = 60;
const KINDS = [
  'powerOff',
  'killGuard',
  'killPostmaster',
  'isolateHost',
  'killController',
  'killAgent',
  'comeBack',
] as const;

/** Faults of chance seldom meet the few milliseconds in which a step is half done: these do. */
export function planStrikes(scene: FaultScene): void {
  const { world, prng, over } = scene;
  const { strikeChance } = world.swarm;
  if (strikeChance === 0) return;
  const strike = (node: SimNode | undefined): void => {
    if (node === undefined || over() || !prng.chance(strikeChance)) return;
    const kind = prng.pick(KINDS);
    world.scheduler.after(prng.unit() * SOON_MS, () => {
      if (over()) return;
      say(world, `strike ${kind} at ${node.name}`);
      count(world, 'faults');
      count(world, 'strikes');
      if (kind === 'comeBack') comeBack(scene, node);
      else inject(scene, kind, node);
      // What only the agent knows is gone with it; it is what is left when the death signal is lost.
      if (kind === 'killGuard' && world.swarm.lostDeathSignalChance === 0) {
        inject(scene, 'killAgent', node);
      }
    });
  };
  world.oracle.onPromoted = strike;
  world.oracle.onEvent = (type) => {
    if (!MOMENTS.includes(type)) return;
    const holder = world.oracle.grant?.holder;
    strike(world.nodes.find(({ name }) => name === holder));
  };
}

/** What was unreachable or stopped is there again, just when others have begun to do without it. */
function comeBack({ world }: FaultScene, { host, guard, agent }: SimNode): void {
  world.network.mend();
  host.thaw();
  guard.process.resume();
  agent.process.resume();
}
