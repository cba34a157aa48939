import { eventSentence } from '#libs/api';
import type { RecordedEvent } from '#libs/cluster';
import type { Clock } from '#libs/kernel';
import {
  DecisionLoop,
  ExpiryWatch,
  LeaseLook,
  ParameterCatalogs,
  PositionGossip,
  ProtocolSwitch,
  Releases,
  Renewals,
  Service,
  StateWatch,
} from '#libs/leader';
import { CappedTime } from '#libs/lease';
import type { ControllerMessage } from '#libs/protocol';
import type { LogEntry, LogIndex, MemberId, Membership, RoleChange } from '#libs/raft';
import { AgentAnswers } from './agents/agent-answers.ts';
import { EventStream } from './agents/event-stream.ts';
import { AheadWatch } from './cluster/ahead-watch.ts';
import { ClockWatch, noteClockJump } from './cluster/clock-watch.ts';
import { earsOf, SilenceWatch } from './cluster/silence-watch.ts';
import { DiskWatch } from './disk-watch.ts';
import { LeaseGateway } from './guards/lease-gateway.ts';
import { Announcements } from './links/announcements.ts';
import type { PeerNetwork } from './links/peer-network.ts';
import type { Log } from './log.ts';
import { Admissions } from './membership/admissions.ts';
import { LeaderPlacement } from './membership/leader-placement.ts';
import { wasRemoved } from './membership/member-ids.ts';
import { Promoter } from './membership/promoter.ts';
import { Seats } from './membership/seats.ts';
import type { HostListener } from './raft-host/host-contract.ts';
import type { HostStorage } from './raft-host/ports.ts';
import type { RaftHost } from './raft-host/raft-host.ts';
import { StateReader } from './raft-host/state-reader.ts';
import { SessionGateway } from './sessions/session-gateway.ts';

export type CoreOptions = {
  readonly host: RaftHost;
  readonly storage: HostStorage;
  readonly network: PeerNetwork;
  readonly clock: Clock;
  readonly log: Log;
  readonly groupId: string;
  readonly electionTimeoutMs: number;
  /** Of this process, with the directory that it runs on. */
  readonly ownIncarnation: string;
  /** Of the log, at the start. */
  readonly unapplied: readonly LogEntry[];
  readonly tickMs: number;
  /** Where this controller's HTTP API is, for the others. */
  readonly apiAddress: string;
  readonly avoidPrimaryHosts: boolean;
  /** The highest level of the protocol that this version speaks. */
  readonly protocolMax: number;
  readonly checkEveryMs: number;
  /** Once, when this member's seat is gone and it leads no more. */
  readonly onRemoved: (index: LogIndex) => void;
  /** Once, when others say that the seat belongs to another directory. */
  readonly onSeatTaken: () => void;
};

/** The leader tells followers this often how far primaries have come. */
const GOSSIP_INTERVAL_MS = 200;
/** And of those that write nothing, that they were seen: each within so many of these. */
const GOSSIP_TURNS = 5;
/** How much space a disk has left changes while nobody asks. */
const ANNOUNCE_INTERVAL_MS = 5_000;
/** Whether each seat is still its member's changes with the log. */
const SEATS_INTERVAL_MS = 500;
/** Where primaries are and who is silent is asked of every cluster, the one half an interval after the other. */
const CLUSTERS_INTERVAL_MS = 1_000;
/** A turn ages leases by this many ticks at most: a leader that stood still heard nobody meanwhile. */
const TURN_CAP_TICKS = 2;
const LEAVES_AFTER_MS = 1_000;

export type KnownLeader = { readonly name: string | null; readonly term: number };
/** For messages that belong to the HTTP side. */
export type HttpMessage = Extract<ControllerMessage, { type: 'httpRequest' | 'httpAnswer' }>;

/** Everything that a controller is without HTTP: the parts around the loop, wired. */
export class ControllerCore implements HostListener {
  readonly reader: StateReader;
  readonly stream: EventStream;
  readonly decisions: DecisionLoop;
  readonly answers: AgentAnswers;
  /** What the PostgreSQL of each cluster takes for its settings. */
  readonly catalogs = new ParameterCatalogs();
  readonly guards: LeaseGateway;
  readonly sessions: SessionGateway;
  readonly promoter: Promoter;
  readonly states: StateWatch;
  readonly announcements: Announcements;
  readonly disk: DiskWatch;
  onHttpMessage: (message: HttpMessage, from: MemberId) => void = () => undefined;
  readonly #options: CoreOptions;
  readonly #time: CappedTime;
  readonly #gossip: PositionGossip;
  readonly #renewals: Renewals;
  readonly #expiry: ExpiryWatch;
  #service: Service | null = null;
  #announced: KnownLeader = { name: null, term: 0 };
  #ticks = 0;
  readonly #due: (intervalMs: number, lateMs?: number) => boolean;
  readonly #leaseLook: LeaseLook<Service>;
  #leasesTimer: NodeJS.Timeout | undefined;
  readonly #admissions: Admissions;
  readonly #seats: Seats;
  readonly #placement: LeaderPlacement;
  readonly #clockWatch: ClockWatch;
  readonly #aheadWatch: AheadWatch;
  readonly #silence: SilenceWatch;
  readonly #protocol: ProtocolSwitch;
  #left = false;
  #linked: Membership | null = null;

  constructor(options: CoreOptions) {
    const { host, storage, network, clock, log, apiAddress, electionTimeoutMs } = options;
    this.#options = options;
    const strays = () => this.#seats.strays.seen;
    this.announcements = new Announcements({ network, storage, apiAddress, strays, clock });
    const ticksOf = (durationMs: number) => Math.round(durationMs / options.tickMs);
    this.#due = (intervalMs, lateMs = 0) =>
      (this.#ticks + ticksOf(lateMs)) % Math.max(1, ticksOf(intervalMs)) === 0;
    this.#clockWatch = new ClockWatch(clock);
    this.#aheadWatch = new AheadWatch({ host, clock, log, clocks: this.announcements.clocks });
    this.#silence = new SilenceWatch(log, () => clock.monotonicMs());
    this.#time = new CappedTime(TURN_CAP_TICKS * options.tickMs, clock.monotonicMs());
    this.#gossip = new PositionGossip(this.#time);
    const service = (): Service | null => this.#service;
    const leader = (): KnownLeader => this.leader;
    const leaderName = (): string | null => this.leader.name;
    const disk = { storage, log, ownName: network.ownName, leads: () => service() !== null };
    this.disk = new DiskWatch(disk);
    this.reader = new StateReader(storage, host.overlay);
    this.stream = new EventStream(host);
    this.decisions = new DecisionLoop({ host, clock, log, service, sentence: eventSentence });
    this.#renewals = new Renewals(host, service);
    const { decisions, reader } = this;
    this.#expiry = new ExpiryWatch({ host, network, decisions, clock, log, electionTimeoutMs });
    this.#leaseLook = new LeaseLook({
      ...{ time: this.#time, tickMs: options.tickMs },
      look: (service) => this.#expiry.tick(service),
      wakeAfterMs: (delayMs) => this.#lookAtLeasesAfter(delayMs),
    });
    this.answers = new AgentAnswers({
      ...{ host, reader, decisions, service, leaderName, catalogs: this.catalogs },
      foundingIncarnation: options.groupId,
    });
    this.guards = new LeaseGateway({
      ...{ host, network, decisions, service, leader, time: this.#time },
      renewals: this.#renewals,
      releases: new Releases(host, clock, log, service),
    });
    this.sessions = new SessionGateway({
      ...{ host, reader, leaderName },
      growthRefusal: () => this.disk.growthRefusal,
    });
    this.promoter = new Promoter(host, log);
    const { ownIncarnation, unapplied } = options;
    const { announcements } = this;
    this.#seats = new Seats({ host, network, log, announcements, ownIncarnation, unapplied });
    this.#admissions = new Admissions({ host, log, strays: this.#seats.strays });
    this.#placement = new LeaderPlacement(host, log);
    const agents = () => this.stream.spokenByMembers();
    const ownMax = options.protocolMax;
    this.#protocol = new ProtocolSwitch({ host, network, agents, log, ownMax });
    const { checkEveryMs } = options;
    const nameOf = (id: MemberId): string | null => this.nameOf(id);
    this.states = new StateWatch({ host, network, log, nameOf, checkEveryMs });
    this.#listen();
  }

  /** From here on the loop and the network call in. */
  #listen(): void {
    const { host, network, onRemoved, onSeatTaken } = this.#options;
    host.listen(this);
    host.applies.observe((events) => this.#onEvents(events));
    network.attach({
      onRaft: (message, incarnation) => {
        if (this.#seats.keepsItsWord(message, incarnation)) host.receive(message);
      },
      onMessage: (message, from) => this.#onMessage(message, from),
      onUp: (peer) => {
        this.#seats.strays.connected(peer);
        this.announcements.tell(peer);
      },
      onDown: (peer) => host.onUnreachable(peer),
      onGone: (peer) => host.onGone(peer),
      onJoin: (peer, token, answer) => {
        this.#admissions.judge(peer, token).then(answer, (error: unknown) => host.fail(error));
      },
      onSeatInquiry: ({ name, incarnation }) => this.#seats.answer(name, incarnation),
      onRemoved: (index) => this.#leave(() => onRemoved(index)),
      removedAt: (id) => {
        const { index, membership } = host.applies.membership;
        return wasRemoved(id, membership.members, host.applies.index) ? index : null;
      },
      seatTaken: (id, incarnation) => this.#seats.refuses(id, incarnation),
      onSeatTaken: () => this.#leave(() => onSeatTaken()),
      nameOf: (id) => this.nameOf(id),
    });
  }

  /** For metrics, as are the seats. */
  get renewals(): Pick<Renewals, 'counts' | 'onAge'> {
    return this.#renewals;
  }

  get seats(): Pick<Seats, 'isLost' | 'isStray'> {
    return this.#seats;
  }

  /** Null unless this controller leads and serves. */
  get service(): Service | null {
    return this.#service;
  }

  get leader(): KnownLeader {
    const { role } = this.#options.host;
    // Named once it serves: before that it could only refuse.
    const own = role.role === 'leader' && !role.serving;
    return { name: own ? null : this.nameOf(role.leader), term: role.term };
  }

  nameOf(id: MemberId | 0): string | null {
    if (id === 0) return null;
    const { members } = this.#options.host.status().membership;
    return members.find((member) => member.id === id)?.name ?? null;
  }

  onRole(role: RoleChange): void {
    const { host, clock } = this.#options;
    const serves = role.role === 'leader' && role.serving;
    if (!serves) this.#service = null;
    else if (this.#service?.term !== role.term) {
      this.#service = new Service(role.term, this.#time, clock, host.store.clusters());
      this.#gossip.seed(this.#service.observations, clock.monotonicMs());
      this.#aheadWatch.began(this.#service);
      this.decisions.allChanged();
    }
    this.#announceLeader();
  }

  /** Connects to whoever is a member now. */
  followMembers(): void {
    const { host, network } = this.#options;
    network.follow(host.status().membership.members);
  }

  onTick(): void {
    const { network } = this.#options;
    this.#ticks += 1;
    this.stream.callBack();
    this.#followMembership();
    if (this.#due(SEATS_INTERVAL_MS)) network.checkSeats();
    this.announcements.tick(this.#due(ANNOUNCE_INTERVAL_MS));
    this.disk.tick();
    const jumpMs = this.#clockWatch.look();
    this.#protocol.checkOwn(this.#options.network.ownName);
    const service = this.#service;
    if (service === null) return;
    if (jumpMs !== 0) noteClockJump(this.#options, service, jumpMs);
    if (this.#due(ANNOUNCE_INTERVAL_MS)) this.#aheadWatch.look(service);
    this.promoter.tick();
    this.#seats.tick();
    this.#protocol.tick();
    this.states.tick(service.term);
    const { avoidPrimaryHosts, host } = this.#options;
    if (avoidPrimaryHosts && this.#due(CLUSTERS_INTERVAL_MS)) this.#placement.tick(service.term);
    if (this.#due(CLUSTERS_INTERVAL_MS, CLUSTERS_INTERVAL_MS / 2)) {
      this.#silence.look(earsOf(service), host.store.clusters());
    }
    this.#leaseLook.ask();
    this.decisions.ticked();
    if (!this.#due(GOSSIP_INTERVAL_MS)) return;
    for (const positions of this.#gossip.messages(service.observations, GOSSIP_TURNS)) {
      network.tellAll({ type: 'positions', positions });
    }
  }

  /** In a turn of the loop: what the sockets hold is read before. */
  #lookAtLeasesSoon(): void {
    this.#leaseLook.ask();
    this.#options.host.schedule();
  }

  #lookAtLeasesAfter(delayMs: number): void {
    clearTimeout(this.#leasesTimer);
    this.#leasesTimer = setTimeout(() => this.#lookAtLeasesSoon(), Math.ceil(delayMs));
  }

  onBeforeRounds(between: boolean): void {
    if (!between) this.#leaseLook.turn(this.#options.clock.monotonicMs(), this.#service);
    this.#renewals.beginRound();
  }

  onTurnEnd(): void {
    this.states.afterApply();
    this.stream.flush();
    this.decisions.run();
  }

  onIsolated(): void {
    this.#service = null;
    this.stream.end();
    this.#announceLeader();
  }

  onRestored(): void {
    this.stream.resubscribeAll();
  }

  /** Links follow at once when a membership takes effect; a removal counts when it is committed. */
  #followMembership(): void {
    const { host } = this.#options;
    const { membership: current, self } = host.status();
    if (current !== this.#linked) {
      this.#linked = current;
      this.followMembers();
    }
    const { index, membership } = host.applies.membership;
    const gone = wasRemoved(self, membership.members, host.applies.index);
    if (gone && host.role.role !== 'leader') this.#leave(() => this.#options.onRemoved(index));
  }

  /** Not at once: the answer to the order that removed it may still pass through here. */
  #leave(tell: () => void): void {
    if (this.#left) return;
    this.#left = true;
    setTimeout(tell, LEAVES_AFTER_MS).unref();
  }

  #announceLeader(): void {
    const { leader } = this;
    if (leader.name === this.#announced.name && leader.term === this.#announced.term) return;
    this.#announced = leader;
    this.guards.announceLeader();
    this.stream.announceLeader(leader);
  }

  #onEvents(events: readonly RecordedEvent[]): void {
    const [first] = events;
    if (first === undefined) return;
    const { cluster } = first;
    const state = this.#options.host.store.cluster(cluster);
    if (state !== null) this.#service?.follow(state, events);
    for (const { event } of events) {
      if (event.type === 'BrakeUsed') this.#expiry.used(cluster, event.epoch);
    }
    this.decisions.changed(cluster);
    this.stream.add(events);
    this.guards.follow(events);
  }

  #onMessage(message: ControllerMessage, from: MemberId): void {
    const { network, host } = this.#options;
    switch (message.type) {
      case 'announce':
        this.announcements.heard(from, message);
        return;
      case 'guardRequest':
        this.guards.onRelayed(from, message.ticket, message.guard, message.body);
        return;
      case 'guardAnswer':
        this.guards.onRelayedAnswer(message.ticket, message.body);
        return;
      case 'heardInquiry': {
        const heard = this.guards.heardWithin(message.guard, message.withinMs);
        network.tell(from, { type: 'heardAnswer', inquiry: message.inquiry, heard });
        return;
      }
      case 'heardAnswer':
        this.#expiry.answered(message.inquiry, from, message.heard);
        this.#lookAtLeasesSoon();
        return;
      case 'positions':
        this.#gossip.heard(message.positions, host.nowMs());
        return;
      case 'httpRequest':
      case 'httpAnswer':
        this.onHttpMessage(message, from);
        return;
      case 'digest':
        this.states.reported({ member: from, index: message.index, digest: message.digest });
        return;
      case 'joinRequest':
      case 'joinAnswer':
      case 'removed':
      case 'seatTaken':
      case 'seatInquiry':
      case 'seatAnswer':
        // The network has taken these.
        return;
    }
  }
}
