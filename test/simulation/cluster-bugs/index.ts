import { AGENT } from './agent.ts';
import { ASYNC } from './asynchronous.ts';
import type { ClusterMutation } from './cluster-mutation.ts';
import { GUARD } from './guard.ts';
import { LEASE } from './lease.ts';
import { PAIR } from './pair.ts';
import { SYNCHRONOUS } from './synchronous.ts';

export { CLUSTER_HARMLESS } from './harmless.ts';

export const CLUSTER_MUTATIONS: readonly ClusterMutation[] = [
  ...LEASE,
  ...GUARD,
  ...ASYNC,
  ...AGENT,
  ...SYNCHRONOUS,
  ...PAIR,
];
