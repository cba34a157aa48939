export { runRaftSeed, type SeedOptions, type SeedResult } from './run-seed.ts';
export { type LessWorld, type Shrunk, shrinkSeed } from './shrink.ts';
