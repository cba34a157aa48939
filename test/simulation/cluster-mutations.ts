/**
 * Each known bug of decisions, lease and guard, planted and looked for by the simulator of whole clusters
 * (`npm run sim:cluster-mutations`).
 */
import { CLUSTER_HARMLESS, CLUSTER_MUTATIONS } from './cluster-bugs/index.ts';
import { clusterSimulation } from './cluster-simulation.ts';
import { findPlantedBugs } from './planted-bugs.ts';

await findPlantedBugs({
  command: 'npm run sim:cluster-mutations --',
  planted: CLUSTER_MUTATIONS,
  seedsPerBug: 2_000,
  harmless: CLUSTER_HARMLESS,
  seedsPerHarmless: 150,
  look: async ({ patches, mode = 'any', saga, site = false, less = {} }, count) => {
    const bundle = await clusterSimulation(patches);
    try {
      const order = { firstSeed: 1, count, mode, less, site, stopAtViolation: true };
      const report = await bundle.run(saga === undefined ? order : { ...order, saga });
      return { seedsRun: report.seedsRun, rule: report.failed[0]?.violation ?? null };
    } finally {
      await bundle.close();
    }
  },
});
