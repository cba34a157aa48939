/**
 * Between controllers, beside Raft's own messages: what a follower hears for the leader, and what the
 * leader lets followers know in memory. Nothing here is replicated or durable.
 */
import { unreachable } from '#libs/kernel';
import { decode, encode } from './codec.ts';
import { Fields } from './fields.ts';

/** One frame type on the channels 'raft-control' and 'raft-bulk'. */
export const ControllerFrame = { message: 21 } as const;

/** A primary's last known position, as the leader knows it; safety 18. */
export type GossipedPosition = {
  readonly cluster: string;
  readonly timeline: number;
  readonly lsn: bigint;
  readonly ageMs: number;
};

export type JoinAnswer =
  | { readonly kind: 'admitted'; readonly memberId: number }
  /** Not yet, or not here: `leader` is where to ask instead, null when nobody knows. */
  | { readonly kind: 'wait'; readonly why: string; readonly leader: string | null }
  | { readonly kind: 'refused'; readonly why: string };

/** What a controller knows of the seat of whoever asks by its name, and how far its own log goes. */
export type SeatAnswer = {
  /**
   * `free`: nobody took it yet; `taken`: by another directory; `none`: the group is without it; `empty`: whoever
   * answers is on an empty directory itself.
   */
  readonly seat: (typeof SEAT_STATES)[number];
  readonly lastIndex: number;
};

/** Of the file system with a controller's state directory. */
export type DiskSpace = {
  readonly availableBytes: number;
  /** Growth is refused there, and what was reserved is let go. */
  readonly nearlyFull: boolean;
};

export type ControllerMessage =
  /** On each new link, and again and again: where this controller's HTTP API is, and what it alone may know. */
  | {
      readonly type: 'announce';
      readonly apiAddress: string;
      readonly disk: DiskSpace | null;
      /** Members that it met last on another directory than the one of their seat. Not told before `disk` is. */
      readonly strays: readonly number[];
      /** Its wall clock as this was sent; null: an older version, or not told before `disk` is. */
      readonly wallAtMs: number | null;
    }
  /** Follower to leader: a guard's request, as it came. `ticket` names the guard's link there. */
  | {
      readonly type: 'guardRequest';
      readonly ticket: number;
      readonly guard: string;
      readonly body: Uint8Array;
    }
  /** Leader to follower: an answer for the guard behind `ticket`. */
  | { readonly type: 'guardAnswer'; readonly ticket: number; readonly body: Uint8Array }
  /** "Did you hear this guard within the last `withinMs`?" Asked before a lease is declared expired. */
  | {
      readonly type: 'heardInquiry';
      readonly inquiry: number;
      readonly guard: string;
      readonly withinMs: number;
    }
  | { readonly type: 'heardAnswer'; readonly inquiry: number; readonly heard: boolean }
  | { readonly type: 'positions'; readonly positions: readonly GossipedPosition[] }
  /**
   * A controller with an empty directory asks to take its seat; on a link of its own. `token` is what
   * `controllers add` answered, null when its file has none.
   */
  | { readonly type: 'joinRequest'; readonly token: string | null }
  | { readonly type: 'joinAnswer'; readonly answer: JoinAnswer }
  /** To a member that left: the membership that is committed at `index` is without it. */
  | { readonly type: 'removed'; readonly memberId: number; readonly index: number }
  /** To a controller on an empty directory: its seat belongs to the directory that was there before. */
  | { readonly type: 'seatTaken'; readonly memberId: number }
  /** A founder on an empty directory asks before it founds anything; on a link of its own. */
  | { readonly type: 'seatInquiry' }
  | { readonly type: 'seatAnswer'; readonly answer: SeatAnswer }
  /** To the leader: this member's digest at a mark of the log. From protocol level 2 on. */
  | { readonly type: 'digest'; readonly index: number; readonly digest: number }
  /** An HTTP request that only the leader can answer; `operator` null: nobody was authenticated. */
  | {
      readonly type: 'httpRequest';
      readonly id: number;
      readonly method: string;
      readonly url: string;
      readonly operator: string | null;
      readonly body: Uint8Array;
    }
  | {
      readonly type: 'httpAnswer';
      readonly id: number;
      readonly status: number;
      readonly contentType: string;
      readonly body: Uint8Array;
    };

const TYPES = [
  'announce',
  'guardRequest',
  'guardAnswer',
  'heardInquiry',
  'heardAnswer',
  'positions',
  'httpRequest',
  'httpAnswer',
  'joinRequest',
  'joinAnswer',
  'removed',
  'digest',
  'seatTaken',
  'seatInquiry',
  'seatAnswer',
] as const satisfies readonly ControllerMessage['type'][];

const SEAT_STATES = ['free', 'taken', 'none', 'empty'] as const;
const NAME_LENGTH_MAX = 100;
const ADDRESS_LENGTH_MAX = 300;
const REASON_LENGTH_MAX = 500;
/** More members than a group can have. */
const STRAYS_MAX = 100;
const POSITIONS_MAX = 100_000;

export function encodeControllerMessage(message: ControllerMessage): Uint8Array {
  return encode([TYPES.indexOf(message.type), ...bodyOf(message)]);
}

function bodyOf(message: ControllerMessage): readonly unknown[] {
  switch (message.type) {
    case 'announce':
      return [message.apiAddress, ...diskFields(message)];
    case 'guardRequest':
      return [message.ticket, message.guard, message.body];
    case 'guardAnswer':
      return [message.ticket, message.body];
    case 'heardInquiry':
      return [message.inquiry, message.guard, Math.round(message.withinMs)];
    case 'heardAnswer':
      return [message.inquiry, message.heard];
    case 'positions':
      return [
        message.positions.map(({ cluster, timeline, lsn, ageMs }) => [
          cluster,
          timeline,
          lsn,
          Math.round(ageMs),
        ]),
      ];
    case 'httpRequest':
      return [message.id, message.method, message.url, message.operator, message.body];
    case 'httpAnswer':
      return [message.id, message.status, message.contentType, message.body];
    case 'joinRequest':
      return [message.token];
    case 'joinAnswer':
      return joinAnswerFields(message.answer);
    case 'removed':
      return [message.memberId, message.index];
    case 'digest':
      return [message.index, message.digest];
    case 'seatTaken':
      return [message.memberId];
    case 'seatInquiry':
      return [];
    case 'seatAnswer':
      return [message.answer.seat, message.answer.lastIndex];
    default:
      return unreachable(message);
  }
}

/** @throws MalformedMessageError */
export function decodeControllerMessage(bytes: Uint8Array): ControllerMessage {
  const fields = new Fields('a controller message', decode(bytes));
  const type = TYPES[fields.integer('type')];
  switch (type) {
    case 'announce':
      return {
        type,
        apiAddress: fields.text('apiAddress', 300),
        disk: diskOf(fields),
        strays: straysOf(fields),
        wallAtMs: fields.ended ? null : fields.integer('wallAtMs'),
      };
    case 'guardRequest':
      return {
        type,
        ticket: fields.integer('ticket'),
        guard: fields.text('guard', NAME_LENGTH_MAX),
        body: fields.bytes('body'),
      };
    case 'guardAnswer':
      return { type, ticket: fields.integer('ticket'), body: fields.bytes('body') };
    case 'heardInquiry':
      return {
        type,
        inquiry: fields.integer('inquiry'),
        guard: fields.text('guard', NAME_LENGTH_MAX),
        withinMs: fields.integer('withinMs'),
      };
    case 'heardAnswer':
      return { type, inquiry: fields.integer('inquiry'), heard: fields.boolean('heard') };
    case 'positions':
      return { type, positions: fields.list('positions', POSITIONS_MAX).map(positionOf) };
    case 'httpRequest':
      return {
        type,
        id: fields.integer('id'),
        method: fields.text('method', 16),
        url: fields.text('url', 4_096),
        operator: fields.textOrNull('operator', NAME_LENGTH_MAX),
        body: fields.bytes('body'),
      };
    case 'httpAnswer':
      return {
        type,
        id: fields.integer('id'),
        status: fields.integer('status'),
        contentType: fields.text('contentType', 200),
        body: fields.bytes('body'),
      };
    case 'joinRequest':
      return { type, token: fields.textOrNull('token', NAME_LENGTH_MAX) };
    case 'joinAnswer':
      return { type, answer: joinAnswerOf(fields) };
    case 'removed':
      return { type, memberId: fields.integer('memberId'), index: fields.integer('index') };
    case 'digest':
      return { type, index: fields.integer('index'), digest: fields.integer('digest') };
    case 'seatTaken':
      return { type, memberId: fields.integer('memberId') };
    case 'seatInquiry':
      return { type };
    case 'seatAnswer':
      return {
        type,
        answer: {
          seat: fields.oneOf('seat', SEAT_STATES),
          lastIndex: fields.integer('lastIndex'),
        },
      };
    default:
      return fields.oneOf('type', []);
  }
}

/** A controller of an older version reads the address, or the disk too, and leaves the rest. */
function diskFields({ disk, strays, wallAtMs }: Announcement): readonly unknown[] {
  if (disk === null) return [];
  const clock = wallAtMs === null ? [] : [Math.round(wallAtMs)];
  return [Math.round(disk.availableBytes), disk.nearlyFull, strays, ...clock];
}

function straysOf(fields: Fields): readonly number[] {
  if (fields.ended) return [];
  const strays = fields.list('strays', STRAYS_MAX);
  return strays.filter((id): id is number => Number.isSafeInteger(id));
}

function diskOf(fields: Fields): DiskSpace | null {
  if (fields.ended) return null;
  const availableBytes = fields.integer('availableBytes');
  return { availableBytes, nearlyFull: fields.boolean('nearlyFull') };
}

type Announcement = Extract<ControllerMessage, { type: 'announce' }>;

const JOIN_KINDS = ['admitted', 'wait', 'refused'] as const satisfies readonly JoinAnswer['kind'][];

function joinAnswerFields(answer: JoinAnswer): readonly unknown[] {
  const kind = JOIN_KINDS.indexOf(answer.kind);
  switch (answer.kind) {
    case 'admitted':
      return [kind, answer.memberId];
    case 'wait':
      return [kind, answer.why, answer.leader];
    case 'refused':
      return [kind, answer.why];
    default:
      return unreachable(answer);
  }
}

function joinAnswerOf(fields: Fields): JoinAnswer {
  const kind = JOIN_KINDS[fields.integer('kind')];
  switch (kind) {
    case 'admitted':
      return { kind, memberId: fields.integer('memberId', 1) };
    case 'wait': {
      const why = fields.text('why', REASON_LENGTH_MAX);
      return { kind, why, leader: fields.textOrNull('leader', ADDRESS_LENGTH_MAX) };
    }
    case 'refused':
      return { kind, why: fields.text('why', REASON_LENGTH_MAX) };
    default:
      return fields.oneOf('kind', []);
  }
}

function positionOf(value: unknown): GossipedPosition {
  const fields = new Fields('a gossiped position', value);
  return {
    cluster: fields.text('cluster', NAME_LENGTH_MAX),
    timeline: fields.integer('timeline', 1),
    lsn: fields.bigint('lsn'),
    ageMs: fields.integer('ageMs'),
  };
}
