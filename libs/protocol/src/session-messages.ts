/**
 * Commands of clients (channel 'session'): exactly once within a session, committed and applied on a
 * quorum before they are answered. Frames go straight into the raft host.
 */
import { unreachable } from '#libs/kernel';
import { Fields } from './fields.ts';

/** Limits of one command, checked before it is proposed. */
export const COMMAND_MAX_BYTES = 262_144;

export type SessionRequest =
  /** Begins a session; `token` is the client's random name for it, so that a repeat finds the first. */
  | { readonly type: 'open'; readonly id: number; readonly token: string }
  /** `sequence` rises by one per command; `answeredTo` lets the controllers forget older answers. */
  | {
      readonly type: 'command';
      readonly id: number;
      readonly session: number;
      readonly sequence: number;
      readonly answeredTo: number;
      readonly body: Uint8Array;
    }
  /** A linearizable read through a confirmation round. */
  | { readonly type: 'read'; readonly id: number; readonly body: Uint8Array };

export type SessionAnswer =
  | { readonly type: 'opened'; readonly id: number; readonly session: number }
  | {
      readonly type: 'result';
      readonly id: number;
      readonly index: number;
      readonly body: Uint8Array;
    }
  /** `outcome` unknown: it may or may not be applied; repeat it with the same sequence. */
  | {
      readonly type: 'failed';
      readonly id: number;
      readonly code: string;
      readonly message: string;
      readonly outcome: 'notApplied' | 'unknown';
      /** Who leads, when known. */
      readonly leader: string | null;
    };

const REQUESTS = ['open', 'command', 'read'] as const;
const ANSWERS = ['opened', 'result', 'failed'] as const;

export function packSessionRequest(message: SessionRequest): unknown[] {
  switch (message.type) {
    case 'open':
      return [message.type, message.id, message.token];
    case 'command': {
      const { session, sequence, answeredTo } = message;
      return [message.type, message.id, session, sequence, answeredTo, message.body];
    }
    case 'read':
      return [message.type, message.id, message.body];
    default:
      return unreachable(message);
  }
}

/** @throws MalformedMessageError */
export function unpackSessionRequest(decoded: unknown): SessionRequest {
  const fields = new Fields('session request', decoded);
  const type = fields.oneOf('type', REQUESTS);
  const id = fields.integer('id');
  switch (type) {
    case 'open':
      return { type, id, token: fields.text('token', 64) };
    case 'command':
      return {
        type,
        id,
        session: fields.integer('session', 1),
        sequence: fields.integer('sequence', 1),
        answeredTo: fields.integer('answeredTo'),
        body: fields.bytes('body'),
      };
    case 'read':
      return { type, id, body: fields.bytes('body') };
    default:
      return unreachable(type);
  }
}

export function packSessionAnswer(message: SessionAnswer): unknown[] {
  switch (message.type) {
    case 'opened':
      return [message.type, message.id, message.session];
    case 'result':
      return [message.type, message.id, message.index, message.body];
    case 'failed': {
      const { code, outcome, leader } = message;
      return [message.type, message.id, code, message.message, outcome, leader];
    }
    default:
      return unreachable(message);
  }
}

/** @throws MalformedMessageError */
export function unpackSessionAnswer(decoded: unknown): SessionAnswer {
  const fields = new Fields('session answer', decoded);
  const type = fields.oneOf('type', ANSWERS);
  const id = fields.integer('id');
  switch (type) {
    case 'opened':
      return { type, id, session: fields.integer('session', 1) };
    case 'result':
      return { type, id, index: fields.integer('index'), body: fields.bytes('body') };
    case 'failed':
      return {
        type,
        id,
        code: fields.text('code', 64),
        message: fields.text('message', 4_096),
        outcome: fields.oneOf('outcome', ['notApplied', 'unknown'] as const),
        leader: fields.textOrNull('leader', 64),
      };
    default:
      return unreachable(type);
  }
}
