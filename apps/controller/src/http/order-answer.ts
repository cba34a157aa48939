import { type OrderAnswer, recordedEventJson, refusalAdvice } from '#libs/api';
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
      const detail = refusals.map(refusalAdvice).join('; ');
      throw new ApiProblem('OPERATION_REFUSED', detail, { refusals });
    }
    case 'unknownCluster':
      throw new ApiProblem(
        'UNKNOWN_CLUSTER',
        `there is no cluster '${cluster}' any more: \`matriarch status\` lists those that there are`,
      );
    case 'clusterExists':
      throw new ApiProblem(
        'CLUSTER_EXISTS',
        `cluster '${cluster}' exists already: choose another name, or change it with \`matriarch config edit\``,
      );
    case 'notServing':
      throw new ApiProblem('NO_LEADER', 'leadership is just changing hands: try again');
    case 'notAdmitted':
      throw new ApiProblem('OPERATION_RUNNING', `${outcome.why}: look at the events and try again`);
    default:
      return unreachable(outcome);
  }
}
