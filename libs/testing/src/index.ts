export * from './cluster-scenario.ts';
