import type { Brand } from './brand.ts';
import { DomainError } from './domain-error.ts';

/** A PostgreSQL cluster that the controllers keep available. */
export type ClusterName = Brand<string, 'ClusterName'>;
/** One PostgreSQL instance of a cluster: a data directory with its agent and guard. */
export type InstanceName = Brand<string, 'InstanceName'>;
/** A controller as operators name it. A replaced controller may keep its name, never its member id. */
export type ControllerName = Brand<string, 'ControllerName'>;
/** Random per start of a guard process: a new one never renews an older one's lease (safety 9). */
export type GuardIncarnation = Brand<string, 'GuardIncarnation'>;
/** Counts the grants of one cluster's lease, from 1; the fencing token of everything a primary does. */
export type Epoch = Brand<number, 'Epoch'>;

export class InvalidNameError extends DomainError {
  readonly code = 'INVALID_NAME';

  constructor(kind: string, value: string) {
    super(
      `${kind} '${value}' is not valid: use 1 to 40 lower-case letters, digits, '-' or '_', ` +
        'beginning with a letter',
    );
  }
}

const NAME = /^[a-z][a-z0-9_-]{0,39}$/;

export function clusterName(text: string): ClusterName {
  return checked('cluster name', text) as ClusterName;
}

export function instanceName(text: string): InstanceName {
  return checked('instance name', text) as InstanceName;
}

/** Whether an instance may be called so. */
export function isInstanceName(text: string): boolean {
  return NAME.test(text);
}

export function controllerName(text: string): ControllerName {
  return checked('controller name', text) as ControllerName;
}

export function guardIncarnation(text: string): GuardIncarnation {
  return text as GuardIncarnation;
}

export function epoch(value: number): Epoch {
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidNameError('epoch', `${value}`);
  return value as Epoch;
}

function checked(kind: string, text: string): string {
  if (!NAME.test(text)) throw new InvalidNameError(kind, text);
  return text;
}
