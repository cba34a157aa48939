/** A failover that is given up before its epoch has ended, and what may follow on it (safety 5). */
import type { ClusterWorld } from './cluster-world.ts';
import type { SimNode } from './sim-node.ts';

const MOMENT_MS = 400;
const LOOK_MS = 0.5;
/** Long enough for commits, short enough for a report from before to count still. */
const COMMITS_MS = 200;
const MENDED_AFTER_MS = 4_000;

/**
 * Nobody reaches the primary until a failover begins. Of its two standbys one detaches, the other is cut
 * off before it hears of it; then the primary is there again, and the failover is given up.
 */
export function loseForAMoment(world: ClusterWorld, primary: SimNode, again: boolean): void {
  const [early, late] = world.nodes.filter((node) => node !== primary);
  if (early === undefined || late === undefined) return;
  isolate(world, primary);
  let begun = false;
  let givenUp = false;
  const tell = world.oracle.onEvent;
  world.oracle.onEvent = (type, by) => {
    tell(type, by);
    if (type === 'FailoverStarted' && !begun) {
      begun = true;
      isolate(world, late);
      world.scheduler.after(MOMENT_MS, () => {
        world.network.mend();
        isolate(world, late);
      });
    }
    if (type !== 'FailoverAborted' || givenUp) return;
    givenUp = true;
    world.network.mend();
    if (again) whenFollowing(early, () => dieUnheard(world, { primary, early, late }));
  };
}

function isolate({ hosts, network }: ClusterWorld, node: SimNode): void {
  for (const host of hosts) if (host !== node.host) network.cut(node.host, host);
}

/** At the very beginning of the step, before it has told anybody. */
function whenFollowing(node: SimNode, act: () => void): void {
  if (node.agent.life?.steps.running?.kind === 'follow') act();
  else node.world.scheduler.after(LOOK_MS, () => whenFollowing(node, act));
}

/**
 * The one that had detached follows again and is not heard of it; commits are acknowledged by it alone;
 * then the primary dies. What it proved before must not count any more.
 */
function dieUnheard(
  world: ClusterWorld,
  { primary, early, late }: Readonly<Record<'primary' | 'early' | 'late', SimNode>>,
): void {
  const { network, controllers, scheduler } = world;
  for (const { host } of controllers) network.cutOneWay(early.host, host);
  network.cut(late.host, primary.host);
  scheduler.after(COMMITS_MS, () => primary.postgres.killPostmaster());
  scheduler.after(MENDED_AFTER_MS, () => network.mend());
}
