import type { Cause, ClusterEvent } from '#libs/cluster';
import { type ClusterName, clusterName, DomainError, type EpochMs, epochMs } from '#libs/kernel';
import type { StorePorts } from './ports.ts';

/** What a log entry of kind `command` asks the store to do. */
export type Command =
  /** One decision: all events or none. Stale when `expectedVersion` is not the stream's version. */
  | {
      readonly type: 'append';
      readonly cluster: ClusterName;
      readonly expectedVersion: number;
      readonly at: EpochMs;
      readonly cause: Cause;
      readonly events: readonly ClusterEvent[];
    }
  /** Passwords lie beside the history, never in it. `value` is opaque. */
  | {
      readonly type: 'credentials';
      readonly cluster: ClusterName;
      readonly value: Uint8Array;
    }
  /** A named value for extensions; `expectedRevision` null writes whatever is there, 0 creates. */
  | {
      readonly type: 'put';
      readonly key: string;
      readonly value: Uint8Array;
      readonly expectedRevision: number | null;
    }
  | { readonly type: 'delete'; readonly key: string; readonly expectedRevision: number | null }
  /** The controllers were restored or forced by hand: from here on they are another group (safety 4). */
  | { readonly type: 'incarnation'; readonly incarnation: string }
  /** From here on all members speak this level of the protocol, and its features may be used. */
  | { readonly type: 'protocol'; readonly level: number }
  /** Marks this place, and says which digest a majority had at an earlier mark; see StateChecks. */
  | { readonly type: 'check'; readonly index: number; readonly digest: number };

/** Who asks: the leading controller itself, or a client's session with exactly-once effect. */
export type Envelope =
  | { readonly from: 'controller'; readonly body: Uint8Array }
  | { readonly from: 'opening'; readonly token: string }
  | {
      readonly from: 'session';
      readonly session: number;
      readonly sequence: number;
      readonly answeredTo: number;
      readonly body: Uint8Array;
    };

/** The outcome of a command, the same on every controller. */
export type CommandResult =
  | { readonly type: 'appended'; readonly version: number; readonly sequence: number }
  | { readonly type: 'opened'; readonly session: number }
  | { readonly type: 'written'; readonly revision: number }
  | {
      readonly type: 'rejected';
      readonly code: RejectionCode;
      readonly message: string;
      /** The version or revision that stands, where the code is about one. */
      readonly current: number | null;
    };

export type RejectionCode =
  | 'STALE_VERSION'
  | 'NOT_ADMITTED'
  | 'STALE_REVISION'
  | 'SESSION_UNKNOWN'
  | 'SEQUENCE_FORGOTTEN'
  | 'MALFORMED_COMMAND';

export class MalformedCommandError extends DomainError {
  readonly code = 'MALFORMED_COMMAND';

  constructor(what: string) {
    super(`a command in the log is malformed: ${what}`);
  }
}

/**
 * A newer version recorded it. Whoever passed it over would hold another state than those that know it, so
 * this stops the process (unlike what is malformed, which is rejected alike by all).
 */
export class UnknownEntryError extends DomainError {
  readonly code = 'UNKNOWN_ENTRY';

  constructor(what: string) {
    super(
      `the log holds ${what}, which this version does not know: a newer version of Matriarch wrote it. Nothing ` +
        'of it was applied here; start the version that the other controllers run on this directory',
    );
  }
}

const COMMANDS: Readonly<Record<Command['type'], true>> = {
  ...{ append: true, credentials: true, put: true, delete: true },
  ...{ incarnation: true, protocol: true, check: true },
};

const CONTROLLER = 0;
const SESSION = 1;
const OPENING = 2;

export function packEnvelope(ports: StorePorts, envelope: Envelope): Uint8Array {
  switch (envelope.from) {
    case 'controller':
      return ports.encode([CONTROLLER, envelope.body]);
    case 'session': {
      const { session, sequence, answeredTo, body } = envelope;
      return ports.encode([SESSION, session, sequence, answeredTo, body]);
    }
    case 'opening':
      return ports.encode([OPENING, envelope.token]);
  }
}

/** @throws MalformedCommandError */
export function unpackEnvelope(ports: StorePorts, payload: Uint8Array): Envelope {
  const fields = arrayOf(ports.decode(payload));
  const [kind, first, second, third, fourth] = fields;
  if (kind === CONTROLLER && first instanceof Uint8Array) {
    return { from: 'controller', body: first };
  }
  if (kind === OPENING && typeof first === 'string') return { from: 'opening', token: first };
  if (
    kind === SESSION &&
    typeof first === 'number' &&
    typeof second === 'number' &&
    typeof third === 'number' &&
    fourth instanceof Uint8Array
  ) {
    const [session, sequence, answeredTo] = [first, second, third];
    return { from: 'session', session, sequence, answeredTo, body: fourth };
  }
  throw new MalformedCommandError('its envelope');
}

export function packCommand(ports: StorePorts, command: Command): Uint8Array {
  switch (command.type) {
    case 'append': {
      const { cluster, expectedVersion, at, cause, events } = command;
      return ports.encode(['append', cluster, expectedVersion, at, cause, events]);
    }
    case 'credentials':
      return ports.encode(['credentials', command.cluster, command.value]);
    case 'put':
      return ports.encode(['put', command.key, command.value, command.expectedRevision]);
    case 'delete':
      return ports.encode(['delete', command.key, command.expectedRevision]);
    case 'incarnation':
      return ports.encode(['incarnation', command.incarnation]);
    case 'protocol':
      return ports.encode(['protocol', command.level]);
    case 'check':
      return ports.encode(['check', command.index, command.digest]);
  }
}

/** Of a controller, whose word is a version's: of clients anything may come. @throws UnknownEntryError */
export function unpackControllersCommand(ports: StorePorts, body: Uint8Array): Command {
  try {
    return unpackCommand(ports, body);
  } catch (error) {
    const [type] = arrayOf(ports.decode(body));
    if (typeof type !== 'string' || Object.hasOwn(COMMANDS, type)) throw error;
    throw new UnknownEntryError(`a command '${type}'`);
  }
}

/** @throws MalformedCommandError */
export function unpackCommand(ports: StorePorts, body: Uint8Array): Command {
  const [type, first, second, third, fourth, fifth] = arrayOf(ports.decode(body));
  if (type === 'protocol' && isCount(first)) return { type, level: first };
  if (type === 'check' && isCount(first) && isCount(second)) {
    return { type, index: first, digest: second };
  }
  if (typeof first !== 'string') throw new MalformedCommandError(String(type));
  if (type === 'incarnation') return { type, incarnation: first };
  if (type === 'put' && second instanceof Uint8Array && isRevision(third)) {
    return { type, key: first, value: second, expectedRevision: third };
  }
  if (type === 'delete' && isRevision(second)) {
    return { type, key: first, expectedRevision: second };
  }
  if (type === 'credentials' && second instanceof Uint8Array) {
    return { type, cluster: clusterName(first), value: second };
  }
  if (
    type === 'append' &&
    typeof second === 'number' &&
    typeof third === 'number' &&
    isCause(fourth) &&
    isEventList(fifth)
  ) {
    const [cluster, at] = [clusterName(first), epochMs(third)];
    return { type, cluster, expectedVersion: second, at, cause: fourth, events: fifth };
  }
  throw new MalformedCommandError(String(type));
}

function arrayOf(decoded: unknown): readonly unknown[] {
  if (!Array.isArray(decoded)) throw new MalformedCommandError('not a list');
  return decoded;
}

function isRevision(value: unknown): value is number | null {
  return value === null || isCount(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isCause(value: unknown): value is Cause {
  return typeof value === 'object' && value !== null && 'by' in value && 'rule' in value;
}

/** The leader made these from its own types; their shape was checked before they were proposed. */
function isEventList(value: unknown): value is readonly ClusterEvent[] {
  return (
    Array.isArray(value) &&
    value.every((event) => typeof event === 'object' && event !== null && 'type' in event)
  );
}
