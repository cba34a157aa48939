export { runForcedGroup } from './forced-group.ts';
export { runRaftSeed, type SeedOptions, type SeedResult } from './run-seed.ts';
export { type LessWorld, type Shrunk, shrinkSeed } from './shrink.ts';
export { runWokenLeader, type WokenLeaderResult } from './woken-leader.ts';
