import type { EventStore } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import type { MemberId, RaftStatus } from '#libs/raft';
import type { Log } from './log.ts';
import { type ProposingLog, proposeCommand } from './replicated-log.ts';

/** The group uses what this version does not know; an upgrade is not taken back by parts. */
export class ProtocolTooOldError extends DomainError {
  readonly code = 'PROTOCOL_TOO_OLD';

  constructor(name: string, speaks: number, group: number) {
    super(
      `controller '${name}' speaks the protocol up to level ${speaks}, its group has switched to ` +
        `${group}: start the version that it ran before`,
    );
  }
}

/** A replicated log whose state knows the level that the group has switched to. */
export interface LevelledLog extends ProposingLog {
  readonly store: ProposingLog['store'] & Pick<EventStore, 'protocol'>;
  status(): Pick<RaftStatus, 'membership' | 'self'>;
  fail(error: unknown): void;
}

/** What the agent of a registered instance speaks; null while it is not connected. */
export type AgentSpeech = { readonly name: string; readonly protocol: number | null };

export type ProtocolSwitchOptions = {
  readonly host: LevelledLog;
  readonly network: {
    /** What the member speaks on its link; null while it is not connected. */
    protocolOf(id: MemberId): number | null;
  };
  readonly agents: () => readonly AgentSpeech[];
  readonly log: Log;
  /** The highest level that this version speaks. */
  readonly ownMax: number;
};

/**
 * The leader switches the group to a newer level of the protocol once every member speaks it, learners
 * too, and the agent of every registered instance: one that is older could fold what is recorded then only by
 * half. It is an entry of the log, so all of them begin at the same place, and it is never taken back.
 */
export class ProtocolSwitch {
  #underWay = false;
  #toldWaiting = '';

  constructor(readonly options: ProtocolSwitchOptions) {}

  tick(): void {
    const { host, log } = this.options;
    if (this.#underWay) return;
    const level = this.#commonLevel();
    if (level <= host.store.protocol || this.#waitsForAgents(level)) return;
    this.#underWay = true;
    const ended = (): void => {
      this.#underWay = false;
    };
    proposeCommand(
      host,
      { type: 'protocol', level },
      {
        onApplied: () => {
          ended();
          log.info('the group switched its protocol', { level });
        },
        onLost: ended,
      },
    );
  }

  /** On every member: the entry that it must not have missed may only be replayed now. */
  checkOwn(name: string): void {
    const { host, ownMax } = this.options;
    const { protocol } = host.store;
    if (protocol > ownMax) host.fail(new ProtocolTooOldError(name, ownMax, protocol));
  }

  #waitsForAgents(level: number): boolean {
    const { agents, log } = this.options;
    const waiting = agents()
      .filter(({ protocol }) => (protocol ?? 0) < level)
      .map(
        ({ name, protocol }) =>
          `${name} (${protocol === null ? 'not connected' : `level ${protocol}`})`,
      )
      .join(', ');
    if (waiting !== this.#toldWaiting && waiting !== '') {
      log.warn('the protocol is not switched before every agent speaks it', { level, waiting });
    }
    this.#toldWaiting = waiting;
    return waiting !== '';
  }

  /** What all members speak; 0 while one of them is not connected. */
  #commonLevel(): number {
    const { host, network, ownMax } = this.options;
    const { self, membership } = host.status();
    const others = membership.members.filter(({ id }) => id !== self);
    return Math.min(ownMax, ...others.map(({ id }) => network.protocolOf(id) ?? 0));
  }
}
