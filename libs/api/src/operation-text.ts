import { type Operation, remoteText } from '#libs/cluster';
import { unreachable } from '#libs/kernel';

/** What is under way, in words; null when nothing is. */
export function operationText(operation: Operation): string | null {
  switch (operation.kind) {
    case 'none':
      return null;
    case 'bootstrap':
      return `bootstrap: ${operation.initialiser} initialises the cluster`;
    case 'failover':
      return `failover from ${operation.primary}: ${failoverStep(operation.step)}`;
    case 'switchover':
      return `switchover from ${operation.from} to ${operation.to}: ${switchoverStep(operation.step)}`;
    case 'demotion':
      return `the cluster is demoted: ${operation.primary} stops, so that ${remoteText(operation.remote)} may write`;
    default:
      return unreachable(operation);
  }
}

function failoverStep(step: Extract<Operation, { kind: 'failover' }>['step']): string {
  switch (step) {
    case 'yielding':
      return 'it is asked to stop';
    case 'detaching':
      return 'standbys stop receiving and say how far they came';
    case 'promoting':
      return 'the new primary is promoted';
    default:
      return unreachable(step);
  }
}

function switchoverStep(step: Extract<Operation, { kind: 'switchover' }>['step']): string {
  switch (step) {
    case 'stopping':
      return 'the primary stops';
    case 'catchingUp':
      return 'the target receives the last WAL';
    case 'promoting':
      return 'the new primary is promoted';
    default:
      return unreachable(step);
  }
}
