import { projectRoot } from './project-root.ts';
import { SimulatorBundle } from './raft-bundle.ts';
import type { SeedOrder, SeedReport } from './raft-worker.ts';
import type { SourcePatch } from './source-patch.ts';

/** The simulator of consensus, as a script for worker threads. @throws StalePatchError */
export function raftSimulation(patch: SourcePatch | null) {
  const patches = patch === null ? [] : [patch];
  return SimulatorBundle.create<SeedOrder, SeedReport>(projectRoot(), patches, 'raft-worker');
}
