/** Each known bug of the consensus machine, planted and looked for (`npm run sim:mutations`). */
import { findPlantedBugs } from './planted-bugs.ts';
import { HARMLESS, MUTATIONS } from './raft-bugs/index.ts';
import { raftSimulation } from './raft-simulation.ts';

await findPlantedBugs({
  command: 'npm run sim:mutations --',
  planted: MUTATIONS,
  seedsPerBug: 2_000,
  harmless: HARMLESS,
  seedsPerHarmless: 300,
  look: async (mutation, count) => {
    const bundle = await raftSimulation(mutation);
    try {
      const report = await bundle.run({ firstSeed: 1, count, stopAtViolation: true });
      return { seedsRun: report.seedsRun, rule: report.failed[0]?.violation ?? null };
    } finally {
      await bundle.close();
    }
  },
});
