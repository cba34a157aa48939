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

export type ProtocolSwitchOptions = {
  readonly host: LevelledLog;
  readonly network: {
    /** What the member speaks on its link; null while it is not connected. */
    protocolOf(id: MemberId): number | null;
  };
  readonly log: Log;
  /** The highest level that this version speaks. */
  readonly ownMax: number;
};

/**
 * The leader switches the group to a newer level of the protocol once every member speaks it, learners
 * too. It is an entry of the log, so all of them begin at the same place, and it is never taken back.
 */
export class ProtocolSwitch {
  #underWay = false;

  constructor(readonly options: ProtocolSwitchOptions) {}

  tick(): void {
    const { host, log } = this.options;
    const level = this.#commonLevel();
    if (level <= host.store.protocol || this.#underWay) return;
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

  /** What all members speak; 0 while one of them is not connected. */
  #commonLevel(): number {
    const { host, network, ownMax } = this.options;
    const { self, membership } = host.status();
    const others = membership.members.filter(({ id }) => id !== self);
    return Math.min(ownMax, ...others.map(({ id }) => network.protocolOf(id) ?? 0));
  }
}
