/**
 * Between a guard and the controllers (channel 'guard'). Renewals never enter the log. The sender is
 * known from its certificate (`<cluster>/<instance>`), so messages carry no names.
 */
import {
  type Epoch,
  epoch,
  type GuardIncarnation,
  guardIncarnation,
  lsnOf,
  timelineId,
  unreachable,
} from '#libs/kernel';
import { Fields } from './fields.ts';

export type PostmasterState = 'running' | 'starting' | 'stopping' | 'down';

/** `timeline` and `lsn` of the last written WAL that the agent told its guard. */
export type Position = { readonly timeline: number; readonly lsn: bigint };

export type ReleaseReason =
  | 'hand-over'
  | 'postgres-down'
  | 'guard-replaced'
  | 'guard-dead'
  | 'yielded'
  | 'shutdown';

/** Guard to controller. */
export type GuardRequest =
  /** First on each link, and again when the state changes: who runs here and what it holds. */
  | {
      readonly type: 'guardState';
      readonly incarnation: GuardIncarnation;
      readonly epoch: Epoch | null;
      readonly postmaster: PostmasterState;
    }
  /**
   * `nonce` never repeats within an incarnation; the guard remembers its own clock for it, so the
   * answer needs no time in it.
   */
  | {
      readonly type: 'renew';
      readonly incarnation: GuardIncarnation;
      readonly epoch: Epoch;
      readonly nonce: number;
      readonly position: Position | null;
      readonly postmaster: PostmasterState;
      /** How long no agent has been attached; 0 while one is. */
      readonly agentAbsentMs: number;
      /** Of the members that it would ask for promises in this epoch; absent where it knows none. */
      readonly failsafeVersion?: number | null;
    }
  /** The last act of an incarnation in `epoch`, or on behalf of a dead one after it was proved down. */
  | {
      readonly type: 'release';
      readonly epoch: Epoch;
      /** The incarnation that held the epoch, which may be an older one of this instance. */
      readonly incarnation: GuardIncarnation;
      readonly reason: ReleaseReason;
      readonly position: Position | null;
    };

/** Frame types of the channel (see frame-types.ts: 40-59 are the guard's). */
export const GuardFrame = { request: 40, answer: 41 } as const;

/** Controller to guard. */
export type GuardAnswer =
  /** Leadership was confirmed by a round that began after the renewal had arrived. */
  | {
      readonly type: 'renewed';
      readonly epoch: Epoch;
      readonly nonce: number;
      /** So many guards renew that this one may do it more seldom, until an answer has none of it. */
      readonly crowdIntervalMs?: number | null;
    }
  /**
   * The epoch is over for this guard: it stops PostgreSQL at once and never renews the epoch again.
   * Only a leader that has applied its own-term entry may say so; a controller that merely does not
   * know the epoch yet stays silent.
   */
  | {
      readonly type: 'renewalRefused';
      readonly epoch: Epoch;
      readonly nonce: number;
      readonly reason: string;
    }
  /**
   * The leader took the offer of a guard that has no agent (safety 21): stop PostgreSQL in order and
   * release. Said again with each renewal until then; a guard that has an agent again leaves it to that.
   */
  | { readonly type: 'handBack'; readonly epoch: Epoch }
  | { readonly type: 'released'; readonly epoch: Epoch }
  | { readonly type: 'releaseRefused'; readonly epoch: Epoch; readonly reason: string }
  /** Sent by every controller on connect and at each change; null while there is none known. */
  | { readonly type: 'leader'; readonly name: string | null; readonly term: number }
  /**
   * The held lease of the cluster: sent to guards of the holding instance only, on connect, at each
   * change, and before the first `renewed` of an epoch. To the holder it is a hint to renew without
   * waiting for its agent; a guard of another incarnation learns from it that a dead one of its own
   * instance holds the epoch, and releases it on behalf of that one (safety 9).
   */
  | {
      readonly type: 'granted';
      readonly epoch: Epoch;
      readonly incarnation: GuardIncarnation;
      readonly leaseTtlMs: number;
      readonly renewIntervalMs: number;
      readonly stopBudgetMs: number;
      readonly guardKillMs: number;
    }
  /** After `granted`, and at each change: whose promises keep the epoch when no controller answers. */
  | {
      readonly type: 'failsafe';
      readonly epoch: Epoch;
      /** Of the cluster's events: the higher one is the newer. */
      readonly version: number;
      readonly on: boolean;
      readonly members: readonly string[];
    };

const MEMBERS_MAX = 64;
const POSTMASTER = ['running', 'starting', 'stopping', 'down'] as const;
const REASONS = [
  'hand-over',
  'postgres-down',
  'guard-replaced',
  'guard-dead',
  'yielded',
  'shutdown',
] as const;
const KINDS = ['guardState', 'renew', 'release'] as const;
const ANSWERS = [
  'renewed',
  'renewalRefused',
  'released',
  'releaseRefused',
  'leader',
  'granted',
  'handBack',
  'failsafe',
] as const;

export function packGuardRequest(message: GuardRequest): unknown[] {
  switch (message.type) {
    case 'guardState':
      return [message.type, message.incarnation, message.epoch, message.postmaster];
    case 'renew':
      return [
        message.type,
        message.incarnation,
        message.epoch,
        message.nonce,
        message.postmaster,
        message.agentAbsentMs,
        ...packPosition(message.position),
        message.failsafeVersion ?? null,
      ];
    case 'release':
      return [
        message.type,
        message.epoch,
        message.incarnation,
        message.reason,
        ...packPosition(message.position),
      ];
    default:
      return unreachable(message);
  }
}

/** @throws MalformedMessageError */
export function unpackGuardRequest(decoded: unknown): GuardRequest {
  const fields = new Fields('guard request', decoded);
  const type = fields.oneOf('type', KINDS);
  switch (type) {
    case 'guardState': {
      const incarnation = guardIncarnation(fields.text('incarnation', 64));
      const held = fields.integerOrNull('epoch', 1);
      const postmaster = fields.oneOf('postmaster', POSTMASTER);
      return { type, incarnation, epoch: held === null ? null : epoch(held), postmaster };
    }
    case 'renew':
      return {
        type,
        incarnation: guardIncarnation(fields.text('incarnation', 64)),
        epoch: epoch(fields.integer('epoch', 1)),
        nonce: fields.integer('nonce'),
        postmaster: fields.oneOf('postmaster', POSTMASTER),
        agentAbsentMs: fields.integer('agentAbsentMs'),
        position: unpackPosition(fields),
        // A guard of an earlier version ends here.
        failsafeVersion: fields.ended ? null : fields.integerOrNull('failsafeVersion'),
      };
    case 'release':
      return {
        type,
        epoch: epoch(fields.integer('epoch', 1)),
        incarnation: guardIncarnation(fields.text('incarnation', 64)),
        reason: fields.oneOf('reason', REASONS),
        position: unpackPosition(fields),
      };
    default:
      return unreachable(type);
  }
}

export function packGuardAnswer(message: GuardAnswer): unknown[] {
  switch (message.type) {
    case 'renewed':
      return message.crowdIntervalMs == null
        ? [message.type, message.epoch, message.nonce]
        : [message.type, message.epoch, message.nonce, message.crowdIntervalMs];
    case 'renewalRefused':
      return [message.type, message.epoch, message.nonce, message.reason];
    case 'released':
    case 'handBack':
      return [message.type, message.epoch];
    case 'releaseRefused':
      return [message.type, message.epoch, message.reason];
    case 'leader':
      return [message.type, message.name, message.term];
    case 'granted':
      return [
        message.type,
        message.epoch,
        message.incarnation,
        message.leaseTtlMs,
        message.renewIntervalMs,
        message.stopBudgetMs,
        message.guardKillMs,
      ];
    case 'failsafe':
      return [message.type, message.epoch, message.version, message.on, message.members];
    default:
      return unreachable(message);
  }
}

/** @throws MalformedMessageError */
export function unpackGuardAnswer(decoded: unknown): GuardAnswer {
  const fields = new Fields('guard answer', decoded);
  const type = fields.oneOf('type', ANSWERS);
  if (type === 'leader') {
    return { type, name: fields.textOrNull('name', 64), term: fields.integer('term') };
  }
  const of = epoch(fields.integer('epoch', 1));
  switch (type) {
    case 'renewed':
      return {
        type,
        epoch: of,
        nonce: fields.integer('nonce'),
        // Most end here, and those of a controller of an earlier version.
        crowdIntervalMs: fields.ended ? null : fields.integerOrNull('crowdIntervalMs', 1),
      };
    case 'renewalRefused':
      return { type, epoch: of, nonce: fields.integer('nonce'), reason: fields.text('reason') };
    case 'released':
    case 'handBack':
      return { type, epoch: of };
    case 'releaseRefused':
      return { type, epoch: of, reason: fields.text('reason') };
    case 'granted':
      return {
        type,
        epoch: of,
        incarnation: guardIncarnation(fields.text('incarnation', 64)),
        leaseTtlMs: fields.integer('leaseTtlMs', 1),
        renewIntervalMs: fields.integer('renewIntervalMs', 1),
        stopBudgetMs: fields.integer('stopBudgetMs', 1),
        guardKillMs: fields.integer('guardKillMs', 1),
      };
    case 'failsafe':
      return {
        type,
        epoch: of,
        version: fields.integer('version'),
        on: fields.boolean('on'),
        members: fields.texts('members', MEMBERS_MAX),
      };
    default:
      return unreachable(type);
  }
}

function packPosition(position: Position | null): unknown[] {
  return position === null ? [null, null] : [position.timeline, position.lsn];
}

function unpackPosition(fields: Fields): Position | null {
  const timeline = fields.integerOrNull('timeline', 1);
  const lsn = fields.bigintOrNull('lsn');
  if (timeline === null || lsn === null) return null;
  return { timeline: timelineId(timeline), lsn: lsnOf(lsn) };
}
