import type { ClusterState } from '#libs/cluster';
import { type ClusterName, clusterName, InvalidNameError } from '#libs/kernel';
import type { ReadModel } from '../cluster/read-model.ts';
import { ApiProblem } from './api-problem.ts';

/** @throws ApiProblem UNKNOWN_CLUSTER, also for what cannot be a name */
export function knownCluster(model: ReadModel, text: string): ClusterState {
  const name = parsedName(text);
  const state = name === null ? null : model.cluster(name);
  if (state === null) {
    throw new ApiProblem('UNKNOWN_CLUSTER', `there is no cluster '${text.slice(0, 100)}'`);
  }
  return state;
}

function parsedName(text: string): ClusterName | null {
  try {
    return clusterName(text);
  } catch (error) {
    if (!(error instanceof InvalidNameError)) throw error;
    return null;
  }
}
