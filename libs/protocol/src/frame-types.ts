/**
 * Frame type numbers, one byte on the wire. A number is never used for a second meaning.
 * 1-19 link control, 20-39 raft, 40-59 guard, 60-79 agent, 80-99 session.
 */
export const LinkFrame = {
  hello: 1,
  welcome: 2,
  refusal: 3,
  ping: 4,
  pong: 5,
  goodbye: 6,
} as const;

/** Both Raft channels carry encoded Raft messages in one frame type. */
export const RaftFrame = { message: 20 } as const;

export const AgentFrame = { request: 60, answer: 61, push: 62 } as const;

export const SessionFrame = { request: 80, answer: 81 } as const;

export type FrameChannel = 'link' | 'raft' | 'guard' | 'agent' | 'session';

const RANGES: readonly { readonly channel: FrameChannel; readonly from: number }[] = [
  { channel: 'session', from: 80 },
  { channel: 'agent', from: 60 },
  { channel: 'guard', from: 40 },
  { channel: 'raft', from: 20 },
  { channel: 'link', from: 1 },
];
const LAST_FRAME_TYPE = 99;

/** Null for a number that belongs to no channel. */
export function channelOfFrame(type: number): FrameChannel | null {
  if (!Number.isInteger(type) || type > LAST_FRAME_TYPE) return null;
  return RANGES.find((range) => type >= range.from)?.channel ?? null;
}
