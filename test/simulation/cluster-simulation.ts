import type { ClusterOrder, ClusterReport } from './cluster-worker.ts';
import { projectRoot } from './project-root.ts';
import { SimulatorBundle, type SourcePatch } from './raft-bundle.ts';

/** The simulator of whole clusters, as a script for worker threads. @throws StalePatchError */
export function clusterSimulation(patch: SourcePatch | null) {
  return SimulatorBundle.create<ClusterOrder, ClusterReport>(
    projectRoot(),
    patch,
    'cluster-worker',
  );
}
