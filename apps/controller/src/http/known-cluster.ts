import type { ClusterState } from '#libs/cluster';
import { type ClusterName, clusterName, InvalidNameError } from '#libs/kernel';
import type { ReadModel } from '../cluster/read-model.ts';
import { ApiProblem } from './api-problem.ts';

/** @throws ApiProblem UNKNOWN_CLUSTER, also for what cannot be a name */
export function knownCluster(model: ReadModel, text: string): ClusterState {
  const name = parsedName(text);
  const state = name === null ? null : model.cluster(name);
  if (state === null) {
    throw unknownCluster(model, text);
  }
  return state;
}

/** More names than these are for `matriarch status` to list. */
const NAMES_MAX = 10;

/** Says which there are. */
export function unknownCluster(model: ReadModel, text: string): ApiProblem {
  const names = model.clusterNames;
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
  const known =
    names.length === 0
      ? 'there is none yet: `matriarch cluster create NAME --file FILE`'
      : `name one of ${names.slice(0, NAMES_MAX).join(', ')}${more}`;
  return new ApiProblem('UNKNOWN_CLUSTER', `there is no cluster '${text.slice(0, 100)}': ${known}`);
}

function parsedName(text: string): ClusterName | null {
  try {
    return clusterName(text);
  } catch (error) {
    if (!(error instanceof InvalidNameError)) throw error;
    return null;
  }
}
