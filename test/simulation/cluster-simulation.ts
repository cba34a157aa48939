import type { ClusterOrder, ClusterReport } from './cluster-worker.ts';
import { projectRoot } from './project-root.ts';
import { SimulatorBundle } from './raft-bundle.ts';
import type { SourcePatch } from './source-patch.ts';

/** The simulator of whole clusters, as a script for worker threads. @throws StalePatchError */
export function clusterSimulation(patches: readonly SourcePatch[]) {
  const worker = 'cluster-worker';
  return SimulatorBundle.create<ClusterOrder, ClusterReport>(projectRoot(), patches, worker);
}
