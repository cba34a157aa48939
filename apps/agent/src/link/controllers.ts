import { LeaderView } from '#libs/lease';
import type { AgentPattern, AgentPatterns, AgentPush } from '#libs/protocol';
import { ControllerChannel, type Link, LinkError, type LinkEvents } from './controller-channel.ts';

export type ControllersEvents = {
  readonly onLeader: (channel: ControllerChannel | null) => void;
  readonly onUp: (channel: ControllerChannel) => void;
  readonly onDown: (channel: ControllerChannel) => void;
  readonly onPush: (push: Exclude<AgentPush, { type: 'leader' }>, from: ControllerChannel) => void;
};

/**
 * Warm connections to all controllers. Each tells who leads, so a change of leader needs no new
 * connection (safety 19).
 */
export class Controllers {
  readonly channels: readonly ControllerChannel[];
  readonly #leader = new LeaderView();

  constructor(
    names: readonly string[],
    open: (name: string, events: LinkEvents) => Link,
    readonly events: ControllersEvents,
  ) {
    this.channels = names.map(
      (name) =>
        new ControllerChannel(name, (linkEvents) => open(name, linkEvents), {
          onUp: (channel) => this.#onUp(channel),
          onDown: (channel) => this.#onDown(channel),
          onPush: (push, channel) => this.#onPush(push, channel),
        }),
    );
  }

  /** Of the leader that is known; a later one is another service with an empty memory. */
  get term(): number {
    return this.#leader.term;
  }

  /** Null while nobody is known to lead, or the leader is not connected. */
  get leader(): ControllerChannel | null {
    const { name } = this.#leader;
    return this.channels.find((channel) => channel.name === name && channel.up) ?? null;
  }

  get connected(): readonly ControllerChannel[] {
    return this.channels.filter((channel) => channel.up);
  }

  /** @throws LinkError NO_LEADER, or what the request throws */
  async askLeader<P extends AgentPattern>(
    pattern: P,
    body: AgentPatterns[P]['ask'],
    timeoutMs: number,
  ): Promise<AgentPatterns[P]['answer']> {
    const { leader } = this;
    if (leader === null) throw new LinkError('NO_LEADER', this.whyNoLeader());
    return leader.request(pattern, body, timeoutMs);
  }

  whyNoLeader(): string {
    const down = this.channels.filter((channel) => !channel.up);
    if (down.length < this.channels.length) return 'the controllers have no leader at the moment';
    const reasons = down.map((channel) => `${channel.name} (${channel.downBecause})`);
    return `no controller can be reached: ${reasons.join(', ')}`;
  }

  close(): void {
    for (const channel of this.channels) channel.close();
  }

  #onUp(channel: ControllerChannel): void {
    this.events.onUp(channel);
    if (channel.name === this.#leader.name) this.events.onLeader(channel);
  }

  #onDown(channel: ControllerChannel): void {
    this.events.onDown(channel);
    if (channel.name === this.#leader.name) this.events.onLeader(null);
  }

  #onPush(push: AgentPush, from: ControllerChannel): void {
    if (push.type !== 'leader') {
      this.events.onPush(push, from);
      return;
    }
    const before = this.#leader.name;
    const became = this.#leader.told(push.name, push.term, from.name);
    if (became || before !== this.#leader.name) this.events.onLeader(this.leader);
  }
}
