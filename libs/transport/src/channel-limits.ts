import type { Channel } from '#libs/protocol';
import type { FramedSocketLimits } from './framed-socket.ts';

const KIB = 1_024;
const MIB = 1_024 * KIB;

/** Until the hello is accepted. */
export const GREETING_LIMITS: FramedSocketLimits = {
  frameBytesMax: 4 * KIB,
  sendBudgetBytes: 64 * KIB,
};

/** Votes and heartbeats have a channel of their own, so that they never wait behind a long frame. */
export const CHANNEL_LIMITS: Readonly<Record<Channel, FramedSocketLimits>> = {
  'raft-control': { frameBytesMax: 64 * KIB, sendBudgetBytes: MIB },
  'raft-bulk': { frameBytesMax: 8 * MIB, sendBudgetBytes: 32 * MIB },
  guard: { frameBytesMax: 16 * KIB, sendBudgetBytes: 256 * KIB },
  agent: { frameBytesMax: 4 * MIB, sendBudgetBytes: 8 * MIB },
  session: { frameBytesMax: 4 * MIB, sendBudgetBytes: 8 * MIB },
};
