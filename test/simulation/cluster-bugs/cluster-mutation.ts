import type { DrawnMode, LessCluster } from '#libs/testing';
import type { Saga } from '../cluster-worker.ts';
import type { SourcePatch } from '../source-patch.ts';

/** A bug of decisions, lease or guard. Where two lines of defence hold, it takes a patch of each. */
export type ClusterMutation = {
  readonly name: string;
  readonly patches: readonly SourcePatch[];
  /** Where it can show at all; drawn when absent. */
  readonly mode?: DrawnMode;
  /** Worlds in which it was found. */
  readonly less?: LessCluster;
  /** Looked for in a calm world with this saga, in place of drawn faults. */
  readonly saga?: Saga;
  /** Looked for in worlds in which the cluster is one of a pair. */
  readonly site?: true;
};

/** Where the patched files lie. */
export const rule = (room: string): string => `libs/cluster/src/decide/${room}.ts`;
export const syncSet = (room: string): string => `libs/cluster/src/sync-set/${room}.ts`;
export const lease = (room: string): string => `libs/lease/src/${room}.ts`;
export const leader = (room: string): string => `libs/leader/src/${room}.ts`;
export const guard = (room: string): string => `libs/guarding/src/${room}.ts`;
export const agent = (room: string): string => `libs/reconcile/src/${room}.ts`;
export const hands = (room: string): string => `libs/testing/src/cluster-simulator/${room}.ts`;
export const cluster = (room: string): string => `libs/cluster/src/${room}.ts`;
