import type { ClusterSettings } from '#libs/cluster';
import { type ClusterName, clusterName, type Prng } from '#libs/kernel';
import type { Scheduler } from '../raft-simulator/scheduler.ts';
import type { Trace } from '../raft-simulator/trace.ts';
import type { ClusterOracle } from './cluster-oracle.ts';
import type { ClusterSwarm } from './cluster-swarm.ts';
import type { Handles } from './handles.ts';
import type { RemoteSite } from './remote-site.ts';
import type { SimController } from './sim-controller.ts';
import type { SimHost } from './sim-host.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimNode } from './sim-node.ts';

export const CLUSTER: ClusterName = clusterName('demo');

/** Everything that the parts of one simulated installation share. */
export type ClusterWorld = {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly swarm: ClusterSwarm;
  readonly settings: ClusterSettings;
  readonly handles: Handles;
  readonly oracle: ClusterOracle;
  readonly trace: Trace;
  readonly stats: Record<string, number>;
  /** For delays and accidents; faults have their own. */
  readonly prng: Prng;
  readonly hosts: SimHost[];
  readonly nodes: SimNode[];
  readonly controllers: SimController[];
  /** The other cluster of a pair; null: there is none. */
  site: RemoteSite | null;
};

export function say(world: ClusterWorld, what: string, ...values: readonly number[]): void {
  world.trace.add(world.scheduler.nowMs, what, ...values);
}

export function count(world: ClusterWorld, what: string): void {
  world.stats[what] = (world.stats[what] ?? 0) + 1;
}

export function between({ prng }: ClusterWorld, low: number, high: number): number {
  return low + prng.unit() * (high - low);
}
