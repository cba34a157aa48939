import { BoundedQueue } from '#libs/kernel';
import type { MemberId, Message } from '#libs/raft';

const CONTROL_MAX = 16_384;
const APPENDS_MAX = 4_096;

/**
 * Raft messages by class: votes, heartbeats and answers first, then appends (reference/raft.md 2.4).
 * What is beyond a limit is dropped: the protocol repeats it.
 */
export class InputLanes {
  readonly control = new BoundedQueue<Message>('raft control', CONTROL_MAX);
  readonly appends = new BoundedQueue<Message>('raft appends', APPENDS_MAX);
  /** Whose connections ended after what waits here had come. */
  readonly #gone = new Set<MemberId>();
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

  addGone(id: MemberId): void {
    this.#gone.add(id);
  }

  /** None before their last messages are taken: those would pass for a sign of life. */
  takeGone(): readonly MemberId[] {
    if (this.#gone.size === 0 || this.hasMessages) return [];
    const gone = [...this.#gone];
    this.#gone.clear();
    return gone;
  }

  get hasMessages(): boolean {
    return this.control.size > 0 || this.appends.size > 0;
  }
}
