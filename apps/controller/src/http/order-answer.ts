import { type OrderAnswer, recordedEventJson } from '#libs/api';
import { type ClusterName, unreachable } from '#libs/kernel';
import type { OrderOutcome } from '../cluster/command-handler.ts';
import { ApiProblem } from './api-problem.ts';

/**
 * The answer to an order that was taken.
 *
 * @throws ApiProblem for one that was not
 */
export function orderAnswerOf(
  cluster: ClusterName,
  outcome: OrderOutcome,
  sequence = 0,
): OrderAnswer {
  switch (outcome.kind) {
    case 'committed':
      return {
        cluster,
        sequence: outcome.sequenceBefore,
        events: outcome.events.map(recordedEventJson),
        satisfied: null,
      };
    case 'satisfied':
      return { cluster, sequence, events: [], satisfied: outcome.why };
    case 'refused': {
      const refusals = outcome.refusals.map((refusal) => ({ ...refusal }));
      const rules = refusals.map(({ rule, value, limit }) => `${rule}: ${value} (${limit})`);
      throw new ApiProblem('OPERATION_REFUSED', rules.join('; '), { refusals });
    }
    case 'unknownCluster':
      throw new ApiProblem('UNKNOWN_CLUSTER', `there is no cluster '${cluster}'`);
    case 'clusterExists':
      throw new ApiProblem('CLUSTER_EXISTS', `cluster '${cluster}' exists already`);
    case 'notServing':
      throw new ApiProblem('NO_LEADER', 'leadership is just changing hands: try again');
    case 'notAdmitted':
      throw new ApiProblem('OPERATION_RUNNING', `${outcome.why}: look at the events and try again`);
    default:
      return unreachable(outcome);
  }
}
