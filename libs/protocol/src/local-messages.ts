/**
 * Between an agent and its guard, over `<stateDir>/guard.sock` (0600). The agent asks, the guard
 * decides: it refuses whatever its lease does not allow.
 */
import {
  type Epoch,
  epoch,
  type GuardIncarnation,
  guardIncarnation,
  unreachable,
} from '#libs/kernel';
import { Fields } from './fields.ts';
import type { PostmasterState, ReleaseReason } from './guard-messages.ts';

export type StopMode = 'fast' | 'immediate';

/** The `code` of a refusal. */
export const LOCAL_REFUSALS = [
  /** No confirmed right to `epoch`, or too little of it is left. */
  'LEASE_NOT_HELD',
  /** The leader refused the epoch, or it was released: it never comes back. */
  'EPOCH_OVER',
  /** A lease is held, or PostgreSQL runs: not while that is so. */
  'LEASE_HELD',
  'POSTGRES_RUNNING',
  /** Processes of the instance are there that this guard did not start. */
  'FOREIGN_POSTMASTER',
  /** A rewind, clone or initdb began in the directory and did not end. */
  'UNFINISHED_DIRECTORY',
  'START_FAILED',
  /** The host's watchdog is required and cannot be used: it never becomes primary. */
  'WATCHDOG_UNUSABLE',
  /** The stop goes on; PostgreSQL still runs. */
  'STOP_TIMED_OUT',
  /** The guard is ending, or another agent has attached. */
  'ENDING',
  'REPLACED',
  /** An agent was upgraded, its guard was not: the guard does not know what is asked. */
  'NOT_UNDERSTOOD',
] as const;
export type LocalRefusal = (typeof LOCAL_REFUSALS)[number];

/**
 * Agent to guard. Every request has an id that its answer repeats. An agent may be newer than its guard, which lives
 * as long as PostgreSQL runs: what comes new here has its id second, a note null (`strangeRequest`).
 */
export type LocalRequest =
  | { readonly type: 'attach'; readonly id: number; readonly agentPid: number }
  | { readonly type: 'ping'; readonly id: number }
  /** Begin to renew `epoch`; answered when the first renewal was confirmed or refused. */
  | { readonly type: 'acquire'; readonly id: number; readonly epoch: Epoch }
  /** Start the postmaster as a standby (`epoch` null: standby.signal must be there) or as primary. */
  | { readonly type: 'start'; readonly id: number; readonly epoch: Epoch | null }
  /** From now on this instance counts as primary of `epoch`, although it still reports recovery. */
  | { readonly type: 'promoting'; readonly id: number; readonly epoch: Epoch }
  /**
   * Fast: SIGINT, and after `budgetMs` the refusal STOP_TIMED_OUT with PostgreSQL still stopping;
   * immediate: SIGQUIT, SIGKILL after guardKillMs. Done when no process of the instance is left.
   */
  | {
      readonly type: 'stop';
      readonly id: number;
      readonly mode: StopMode;
      readonly budgetMs: number;
    }
  /**
   * A switchover: as a fast stop, and when PostgreSQL has ended in order within the budget, `epoch` is
   * given back with the end of its WAL in that very moment. Done when PostgreSQL is down, whether the
   * release was answered or not; where it did not end in order nothing is given back.
   */
  | {
      readonly type: 'handOver';
      readonly id: number;
      readonly epoch: Epoch;
      readonly budgetMs: number;
    }
  /** Give `epoch` back: refused unless PostgreSQL is proved down. The guard never renews it again. */
  | {
      readonly type: 'release';
      readonly id: number;
      readonly epoch: Epoch;
      readonly reason: ReleaseReason;
      readonly timeline: number | null;
      readonly lsn: bigint | null;
    }
  /** The primary's last written position, to ride in renewals. No answer. */
  | { readonly type: 'position'; readonly timeline: number; readonly lsn: bigint }
  /** These members promised after `promisesWanted` with this nonce. No answer. */
  | {
      readonly type: 'promises';
      readonly epoch: Epoch;
      readonly nonce: number;
      readonly from: readonly string[];
    }
  /** A destroying step (rewind, rebuild, remove) asks; refused while a lease is held or PostgreSQL runs. */
  | { readonly type: 'permitDestruction'; readonly id: number; readonly step: string }
  /** End the guard itself; PostgreSQL is stopped first, in fast mode. */
  | { readonly type: 'shutdown'; readonly id: number };

/** What a guard is told without being asked for anything. */
export type LocalNote = Extract<LocalRequest, { type: 'position' | 'promises' }>;

/** Guard to agent. */
export type LocalAnswer =
  | { readonly type: 'done'; readonly id: number }
  | { readonly type: 'refused'; readonly id: number; readonly code: string; readonly why: string }
  /** After attach, then pushed at each change. */
  | {
      readonly type: 'state';
      readonly incarnation: GuardIncarnation;
      readonly pid: number;
      readonly postmaster: PostmasterState;
      readonly postmasterPid: number | null;
      /** How long the postmaster has been down; 0 when it is not. */
      readonly downForMs: number;
      readonly epoch: Epoch | null;
      /** Until the guard begins to stop PostgreSQL; null without a lease. */
      readonly remainingMs: number | null;
      /** How many controllers are connected right now. */
      readonly controllersConnected: number;
      /** Why PostgreSQL was last stopped or did not start, in words. */
      readonly lastStop: string | null;
    }
  /** No controller answers: ask these members to take part in no failover from `epoch` (safety 11). */
  | {
      readonly type: 'promisesWanted';
      readonly epoch: Epoch;
      readonly nonce: number;
      readonly members: readonly string[];
    };

const MEMBERS_MAX = 64;

const REQUESTS = [
  'attach',
  'ping',
  'acquire',
  'start',
  'promoting',
  'stop',
  'handOver',
  'release',
  'position',
  'promises',
  'permitDestruction',
  'shutdown',
] as const;
const ANSWERS = ['done', 'refused', 'state', 'promisesWanted'] as const;
const POSTMASTER = ['running', 'starting', 'stopping', 'down'] as const;
const REASONS = [
  'hand-over',
  'postgres-down',
  'guard-replaced',
  'guard-dead',
  'yielded',
  'shutdown',
] as const;

export function packLocalRequest(message: LocalRequest): unknown[] {
  switch (message.type) {
    case 'attach':
      return [message.type, message.id, message.agentPid];
    case 'ping':
    case 'shutdown':
      return [message.type, message.id];
    case 'acquire':
    case 'start':
    case 'promoting':
      return [message.type, message.id, message.epoch];
    case 'stop':
      return [message.type, message.id, message.mode, message.budgetMs];
    case 'handOver':
      return [message.type, message.id, message.epoch, message.budgetMs];
    case 'release':
      return [
        message.type,
        message.id,
        message.epoch,
        message.reason,
        message.timeline,
        message.lsn,
      ];
    case 'position':
      return [message.type, message.timeline, message.lsn];
    case 'promises':
      return [message.type, message.epoch, message.nonce, message.from];
    case 'permitDestruction':
      return [message.type, message.id, message.step];
    default:
      return unreachable(message);
  }
}

/** What a newer agent asks and this guard does not know; `id` null: nobody waits for an answer. */
export type StrangeRequest = { readonly type: string; readonly id: number | null };

/** Null for every request of this version, well-formed or not. */
export function strangeRequest(decoded: unknown): StrangeRequest | null {
  if (!isStrange(decoded, REQUESTS)) return null;
  const [type, id] = decoded;
  return { type, id: typeof id === 'number' ? id : null };
}

/** True for what a newer guard tells and this agent does not know. */
export function isStrangeAnswer(decoded: unknown): boolean {
  return isStrange(decoded, ANSWERS);
}

function isStrange(decoded: unknown, known: readonly string[]): decoded is [string, unknown] {
  return Array.isArray(decoded) && typeof decoded[0] === 'string' && !known.includes(decoded[0]);
}

/** @throws MalformedMessageError */
export function unpackLocalRequest(decoded: unknown): LocalRequest {
  const fields = new Fields('local request', decoded);
  const type = fields.oneOf('type', REQUESTS);
  if (type === 'position') {
    return { type, timeline: fields.integer('timeline', 1), lsn: fields.bigint('lsn') };
  }
  if (type === 'promises') {
    const of = epoch(fields.integer('epoch', 1));
    return {
      type,
      epoch: of,
      nonce: fields.integer('nonce'),
      from: fields.texts('from', MEMBERS_MAX),
    };
  }
  const id = fields.integer('id');
  switch (type) {
    case 'attach':
      return { type, id, agentPid: fields.integer('agentPid', 1) };
    case 'ping':
    case 'shutdown':
      return { type, id };
    case 'acquire':
    case 'promoting':
      return { type, id, epoch: epoch(fields.integer('epoch', 1)) };
    case 'start': {
      const of = fields.integerOrNull('epoch', 1);
      return { type, id, epoch: of === null ? null : epoch(of) };
    }
    case 'stop': {
      const mode = fields.oneOf('mode', ['fast', 'immediate'] as const);
      return { type, id, mode, budgetMs: fields.integer('budgetMs') };
    }
    case 'handOver':
      return {
        type,
        id,
        epoch: epoch(fields.integer('epoch', 1)),
        budgetMs: fields.integer('budgetMs'),
      };
    case 'release':
      return {
        type,
        id,
        epoch: epoch(fields.integer('epoch', 1)),
        reason: fields.oneOf('reason', REASONS),
        timeline: fields.integerOrNull('timeline', 1),
        lsn: fields.bigintOrNull('lsn'),
      };
    case 'permitDestruction':
      return { type, id, step: fields.text('step', 64) };
    default:
      return unreachable(type);
  }
}

export function packLocalAnswer(message: LocalAnswer): unknown[] {
  switch (message.type) {
    case 'done':
      return [message.type, message.id];
    case 'refused':
      return [message.type, message.id, message.code, message.why];
    case 'state':
      return [
        message.type,
        message.incarnation,
        message.pid,
        message.postmaster,
        message.postmasterPid,
        message.downForMs,
        message.epoch,
        message.remainingMs,
        message.controllersConnected,
        message.lastStop,
      ];
    case 'promisesWanted':
      return [message.type, message.epoch, message.nonce, message.members];
    default:
      return unreachable(message);
  }
}

/** @throws MalformedMessageError */
export function unpackLocalAnswer(decoded: unknown): LocalAnswer {
  const fields = new Fields('local answer', decoded);
  const type = fields.oneOf('type', ANSWERS);
  switch (type) {
    case 'done':
      return { type, id: fields.integer('id') };
    case 'refused': {
      const id = fields.integer('id');
      return { type, id, code: fields.text('code', 64), why: fields.text('why') };
    }
    case 'state': {
      const incarnation = guardIncarnation(fields.text('incarnation', 64));
      const pid = fields.integer('pid', 1);
      const postmaster = fields.oneOf('postmaster', POSTMASTER);
      const postmasterPid = fields.integerOrNull('postmasterPid', 1);
      const downForMs = fields.integer('downForMs');
      const held = fields.integerOrNull('epoch', 1);
      return {
        type,
        incarnation,
        pid,
        postmaster,
        postmasterPid,
        downForMs,
        epoch: held === null ? null : epoch(held),
        remainingMs: fields.integerOrNull('remainingMs'),
        controllersConnected: fields.integer('controllersConnected'),
        lastStop: fields.textOrNull('lastStop'),
      };
    }
    case 'promisesWanted': {
      const of = epoch(fields.integer('epoch', 1));
      const nonce = fields.integer('nonce');
      return { type, epoch: of, nonce, members: fields.texts('members', MEMBERS_MAX) };
    }
    default:
      return unreachable(type);
  }
}
