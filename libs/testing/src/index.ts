export * from './cluster-scenario.ts';
export * from './cluster-simulator/index.ts';
export * from './leader-kills/index.ts';
export * from './linearizability/index.ts';
export * from './pair-scenario.ts';
export * from './raft-simulator/index.ts';
export * from './reconcile-walk.ts';
export * from './sync-scenario.ts';
