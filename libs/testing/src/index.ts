export * from './cluster-scenario.ts';
export * from './raft-simulator/index.ts';
