export { CLUSTER_MODES, type ClusterMode, type DrawnMode } from './cluster-swarm.ts';
export type { LessCluster } from './less-cluster.ts';
export {
  type ClusterSeedResult,
  runClusterSeed,
} from './run-cluster-seed.ts';
export type { SagaKill } from './saga-kills.ts';
export { shrinkClusterSeed } from './shrink-cluster.ts';
