import { randomInt } from 'node:crypto';
import { guardTimes, leaseTimingOf, memberNames, type RecordedEvent } from '#libs/cluster';
import { InvalidNameError } from '#libs/kernel';
import type {
  AnnouncedLeader,
  DecisionLoop,
  GuardIdentity,
  GuardLink,
  Releases,
  Renewals,
  Service,
} from '#libs/leader';
import { type CappedTime, Silence } from '#libs/lease';
import {
  decode,
  GuardFrame,
  type GuardRequest,
  MalformedMessageError,
  unpackGuardRequest,
} from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import type { AcceptChannel, ChannelHandler, PeerConnection } from '#libs/transport';
import type { PeerNetwork } from '../links/peer-network.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';
import { identityOf } from './guard-identity.ts';
import { DirectGuardLink, RelayedGuardLink } from './guard-link.ts';
import { LeaderAnnouncement } from './leader-announcement.ts';

export type LeaseGatewayOptions = {
  readonly host: RaftHost;
  readonly network: PeerNetwork;
  readonly decisions: DecisionLoop;
  readonly renewals: Renewals;
  readonly releases: Releases;
  readonly time: CappedTime;
  readonly service: () => Service | null;
  readonly leader: () => AnnouncedLeader;
};

type Connected = { readonly link: DirectGuardLink; readonly ticket: number };

/**
 * Guards, straight on frames. On the leader their requests are taken; on a follower they are passed to
 * the leader at once and the answer passed back, and it is remembered whom was heard (safety 20).
 */
export class LeaseGateway {
  readonly #options: LeaseGatewayOptions;
  readonly #byTicket = new Map<number, Connected>();
  readonly #announcement = new LeaderAnnouncement(() =>
    [...this.#byTicket.values()].map(({ link }) => link),
  );
  readonly #heard: Silence;
  /** By cluster: the guard's times as of the last event. */
  readonly #toldTimes = new Map<string, string>();
  /** Not from 0: an answer to a guard of this controller's start before must find nobody. */
  #lastTicket = randomInt(2 ** 31);

  constructor(options: LeaseGatewayOptions) {
    this.#options = options;
    const { time, host } = options;
    this.#heard = new Silence(time, 0, host.nowMs());
  }

  get linkCount(): number {
    return this.#byTicket.size;
  }

  heardWithin(guard: string, durationMs: number): boolean {
    return this.#heard.heardWithin(guard, durationMs);
  }

  readonly accept: AcceptChannel = (connection): ChannelHandler => {
    const identity = identityOrClose(connection);
    this.#lastTicket += 1;
    const connected = { link: new DirectGuardLink(connection), ticket: this.#lastTicket };
    this.#byTicket.set(connected.ticket, connected);
    connected.link.answer({ type: 'leader', ...this.#options.leader() });
    return {
      onFrame: (type, body) => {
        if (identity === null) return;
        if (type !== GuardFrame.request) {
          throw new MalformedMessageError('a guard frame', 'type', 'a request');
        }
        this.#onRequest(connected, identity, body);
      },
      onClose: () => this.#byTicket.delete(connected.ticket),
    };
  };

  announceLeader(): void {
    this.#announcement.tell(this.#options.leader(), this.#options.service() !== null);
  }

  /**
   * Every controller tells the new holder, so that it need not wait for its agent; and tells it again
   * when its times change while it holds.
   */
  follow(events: readonly RecordedEvent[]): void {
    const [first] = events;
    if (first === undefined) return;
    const { cluster } = first;
    const state = this.#options.host.store.cluster(cluster);
    if (state?.lease.kind !== 'Held') return;
    const times = JSON.stringify([
      guardTimes(state.settings, leaseTimingOf(state)),
      state.failsafe?.version,
    ]);
    const changed = this.#toldTimes.get(cluster) !== times;
    this.#toldTimes.set(cluster, times);
    if (!changed && !events.some(({ event }) => event.type === 'LeaseGranted')) return;
    const guard = `${cluster}/${state.lease.holder}`;
    for (const { link } of this.#byTicket.values()) {
      if (link.guard === guard) this.#tellGranted(link, identityOf(guard));
    }
  }

  onRelayed(from: MemberId, ticket: number, guard: string, body: Uint8Array): void {
    const service = this.#options.service();
    if (service === null) return;
    const link = new RelayedGuardLink(this.#options.network, from, ticket, guard);
    this.#serve(service, link, identityOf(guard), unpackGuardRequest(decode(body)));
  }

  onRelayedAnswer(ticket: number, body: Uint8Array): void {
    this.#byTicket.get(ticket)?.link.pass(body);
  }

  #onRequest({ link, ticket }: Connected, from: GuardIdentity, body: Uint8Array): void {
    const { service, host, network } = this.#options;
    this.#heard.heard(link.guard, host.nowMs());
    const request = unpackGuardRequest(decode(body));
    if (request.type === 'guardState') this.#tellGranted(link, from);
    const serving = service();
    if (serving !== null) {
      this.#serve(serving, link, from, request);
      return;
    }
    const { leader } = host.role;
    const { guard } = link;
    if (leader !== 0) network.tell(leader, { type: 'guardRequest', ticket, guard, body });
  }

  #serve(service: Service, link: GuardLink, from: GuardIdentity, request: GuardRequest): void {
    const { host, decisions, renewals, releases } = this.#options;
    let asksRules = true;
    switch (request.type) {
      case 'guardState': {
        const { incarnation, epoch, postmaster } = request;
        const heard = { incarnation, epoch, postmaster, agentAbsentMs: 0 };
        service.observations.guardHeard(from.cluster, from.instance, heard, host.nowMs());
        break;
      }
      case 'renew':
        asksRules = renewals.accept(service, link, from, request);
        break;
      case 'release':
        releases.accept(link, from, request);
        break;
    }
    if (!asksRules) return;
    decisions.changed(from.cluster);
    host.schedule();
  }

  /** Also on connect: the grant may have been applied before the link stood. */
  #tellGranted(link: GuardLink, { cluster, instance }: GuardIdentity): void {
    const state = this.#options.host.store.cluster(cluster);
    if (state?.lease.kind !== 'Held' || state.lease.holder !== instance) return;
    const { epoch, guard: incarnation } = state.lease;
    link.answer({
      type: 'granted',
      epoch,
      incarnation,
      ...guardTimes(state.settings, leaseTimingOf(state)),
    });
    const { failsafe } = state;
    if (failsafe?.epoch !== epoch) return;
    const { version, on } = failsafe;
    link.answer({ type: 'failsafe', epoch, version, on, members: memberNames(state) });
  }
}

function identityOrClose(connection: PeerConnection): GuardIdentity | null {
  try {
    return identityOf(connection.peer.name);
  } catch (error) {
    if (!(error instanceof InvalidNameError)) throw error;
    connection.close(error);
    return null;
  }
}
