export { runRaftSeed, type SeedOptions, type SeedResult } from './run-seed.ts';
