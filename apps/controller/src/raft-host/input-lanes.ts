import { BoundedQueue, QueueFullError } from '#libs/kernel';
import type { Message } from '#libs/raft';
import type { Proposal } from './proposals.ts';

const CONTROL_MAX = 16_384;
const APPENDS_MAX = 4_096;
const PROPOSALS_MAX = 16_384;

/**
 * Inputs of the loop by class: votes, heartbeats and answers first, then appends, then proposals
 * (reference/raft.md 2.4). Raft messages beyond a limit are dropped: the protocol repeats them.
 */
export class InputLanes {
  readonly control = new BoundedQueue<Message>('raft control', CONTROL_MAX);
  readonly appends = new BoundedQueue<Message>('raft appends', APPENDS_MAX);
  readonly proposals = new BoundedQueue<Proposal>('proposals', PROPOSALS_MAX);
  dropped = 0;

  /** True when the message was taken. */
  addMessage(message: Message): boolean {
    const lane = message.type === 'appendRequest' ? this.appends : this.control;
    if (lane.size >= lane.limit) {
      this.dropped += 1;
      return false;
    }
    lane.push(message);
    return true;
  }

  /** False when there is no room: the client is told to try again later. */
  addProposal(proposal: Proposal): boolean {
    try {
      this.proposals.push(proposal);
      return true;
    } catch (error) {
      if (error instanceof QueueFullError) return false;
      throw error;
    }
  }

  get hasMessages(): boolean {
    return this.control.size > 0 || this.appends.size > 0;
  }
}
