import type {
  AgentReport,
  ClusterEvent,
  ClusterState,
  RecordedEvent,
  WalPosition,
} from '#libs/cluster';
import type { InstanceName, TimelineId } from '#libs/kernel';
import type { Position } from '#libs/protocol';
import { DESTROYING_STEPS, type Step, type StepKind } from '#libs/reconcile';
import { Violation } from '../raft-simulator/violation.ts';
import type { AgentLife } from './agent-life.ts';
import type { ClusterWorld } from './cluster-world.ts';
import type { ControllerLife } from './controller-life.ts';
import { furtherNode } from './further-node.ts';
import type { SimController } from './sim-controller.ts';
import type { SimNode } from './sim-node.ts';
import { SyncOracle } from './sync-oracle.ts';
import { type Branch, endOf } from './wal.ts';
import { WriteOracle } from './write-oracle.ts';

type Granted = Extract<ClusterEvent, { type: 'LeaseGranted' }>;
type Failover = Extract<ClusterEvent, { type: 'FailoverStarted' }>;
/** `owner`: of the proposal, where it was made and its events are applied in the same service. */
type Applier = { readonly at: SimController; readonly owner: object | null | undefined };
type Heard = { readonly atMs: number; readonly position: WalPosition };

/** For so long after a thaw PostgreSQL may run before its guard does (safety 16). */
const THAW_MS = 30;
const NEEDS_NO_CONFIRMATION: readonly StepKind[] = [
  'rest',
  'await',
  'reportOnly',
  'needsRebuild',
  'acquireLease',
];

/** Knows everything, and says which guarantee of architecture section 3 is broken. */
export class ClusterOracle {
  /** Set at once; thrown by the run after the step, since promises swallow what is thrown in them. */
  violation: Error | null = null;
  /** For a run that acts at a certain step. */
  onEvent: (type: string, at: SimController) => void = () => undefined;
  onPromoted: (node: SimNode) => void = () => undefined;
  onProposed: (owner: object, at: SimController) => void = () => undefined;
  #sequence = 0;
  readonly #branches = new Set<number>([1]);
  readonly #givenOut = new Map<number, InstanceName>();
  readonly #acted = new Map<SimNode, number>();
  readonly #heard = new Map<object, Heard[]>();
  /** A decision may be committed long after it was made. */
  readonly #proposedAtMs = new WeakMap<object, number>();
  #grant: Granted | null = null;
  #operation: Failover | null = null;
  #version = 0;
  #failing = false;
  readonly writes = new WriteOracle(this);
  readonly sync = new SyncOracle(this);

  constructor(readonly world: () => ClusterWorld) {}

  get grant(): Granted | null {
    return this.#grant;
  }

  /** The failover that began last. */
  get operation(): Failover | null {
    return this.#operation;
  }

  broken(error: unknown): void {
    this.violation ??= error instanceof Error ? error : new Error(String(error));
  }

  violated(rule: string, values: Readonly<Record<string, unknown>>): void {
    this.violation ??= new Violation(rule, values);
  }

  // PostgreSQL

  branchBorn({ timeline }: Branch, node: SimNode): void {
    if (this.#branches.has(timeline)) this.violated('a timeline is taken once', { timeline });
    this.#branches.add(timeline);
    if (node !== this.world().site?.node) this.onPromoted(node);
  }

  silentlyDiverged(node: SimNode, from: SimNode): void {
    this.violated('no standby streams onto another history', {
      standby: node.name,
      from: from.name,
    });
  }

  /** A primary accepts writes from now on: nobody else does, and what it lacks must be explained. */
  beganToServe(node: SimNode): void {
    const { site } = this.world();
    if (node === site?.node) {
      site.began();
      return;
    }
    // A fenced one that ends its crash recovery acknowledges nothing and lets no client in.
    if (this.sync.isFenced(node)) return;
    // Nor is one counted that thaws too late, before its guard ends it; one whose right still lasts goes on to serve.
    if (this.justThawed(node) && this.beliefOf(node) === null) return;
    for (const other of this.world().nodes) {
      if (other === node || !this.serves(other) || this.sync.isFenced(other)) continue;
      this.violated('one primary runs', { begins: node.name, runs: other.name });
    }
    if (site?.writes === true) this.violated('one site writes', { begins: node.name });
    // Begun with the lease by a guard that is gone by now: the fuse ends it before the lease is over.
    if (this.beliefOf(node) === null && !(node.guard.life === null && node.fuse.armed)) {
      this.violated('a primary begins with the lease', { instance: node.name });
      return;
    }
    this.writes.explainLoss(node, node.postgres.wal);
  }

  /** Readers see what was recovered: from now on it counts as if it had been acknowledged (safety 12). */
  clientsLetIn(node: SimNode): void {
    if (!this.sync.on || this.justThawed(node)) return;
    this.writes.shown(node.postgres.wal);
    this.sync.shown(node, node.postgres.wal);
  }

  /** A host that was frozen a moment ago may run PostgreSQL before its guard (safety 16). */
  serves(node: SimNode): boolean {
    return node.postgres.writable && !node.host.frozen && !this.justThawed(node);
  }

  justThawed({ host }: SimNode): boolean {
    return this.world().scheduler.nowMs - host.thawedAtMs < THAW_MS;
  }

  /** What this instance's guard holds to be its right at this moment. */
  beliefOf(node: SimNode): number | null {
    const life = node.guard.life;
    if (life === null) return null;
    const remaining = life.holder.remainingMs(life.moment());
    return remaining !== null && remaining > 0 ? life.holder.epoch : null;
  }

  // Agents

  stepBegins(agent: AgentLife, step: Step, state: ClusterState): void {
    if (NEEDS_NO_CONFIRMATION.includes(step.kind)) return;
    const { node, confirmed } = agent;
    if (confirmed === null || confirmed.sequence < state.sequence) {
      this.violated('agents act on confirmed states only', {
        agent: node.name,
        step: step.kind,
        sequence: state.sequence,
        confirmed: confirmed?.sequence ?? null,
      });
    }
    const before = this.#acted.get(node) ?? 0;
    if (state.version < before) {
      this.violated('no lower version is acted on', {
        agent: node.name,
        step: step.kind,
        version: state.version,
        before,
      });
    }
    this.#acted.set(node, Math.max(before, state.version));
    if (DESTROYING_STEPS.includes(step.kind)) this.count('destroyingSteps');
  }

  // Controllers

  positionHeard(life: ControllerLife, instance: InstanceName, position: Position): void {
    const state = life.store.cluster(this.#cluster(life));
    if (life.service === null || state?.lease.kind !== 'Held') return;
    if (state.lease.holder !== instance) return;
    const timeline = position.timeline as TimelineId;
    this.#note(life.service, { timeline, lsn: position.lsn as WalPosition['lsn'] });
  }

  reportHeard(life: ControllerLife, report: AgentReport, state: ClusterState | null): void {
    if (life.service === null || state === null || report.postgres.kind !== 'primary') return;
    if (state.lease.kind !== 'Held' || state.lease.holder !== report.instance) return;
    const { timeline, writeLsn: lsn } = report.postgres;
    this.#note(life.service, { timeline, lsn });
  }

  #note(service: object, position: WalPosition): void {
    const heard = this.#heard.get(service) ?? [];
    heard.push({ atMs: this.world().scheduler.nowMs, position });
    this.#heard.set(service, heard);
  }

  #cluster(life: ControllerLife) {
    return life.store.clusters()[0]?.name as never;
  }

  proposed<Owner extends object>(owner: Owner, at: SimController): Owner {
    this.#proposedAtMs.set(owner, this.world().scheduler.nowMs);
    this.onProposed(owner, at);
    return owner;
  }

  /** Events that some controller applies for the first time. */
  applied(events: readonly RecordedEvent[], state: ClusterState, by: Applier): void {
    for (const recorded of events) {
      if (recorded.sequence <= this.#sequence) continue;
      const { event, cause, sequence, version } = recorded;
      if (sequence !== this.#sequence + 1) {
        this.violated('events are numbered one by one', { sequence, after: this.#sequence });
      }
      this.#sequence = sequence;
      if (version < this.#version) this.violated('versions grow', { version });
      this.#version = version;
      if (cause.by === '' || cause.rule === '') {
        this.violated('every action has a recorded cause', { event: event.type });
      }
      const world = this.world();
      world.trace.add(world.scheduler.nowMs, `event ${describe(event)}`, sequence, version);
      this.count(`event ${event.type}`);
      this.#check(event, state, by);
      this.onEvent(event.type, by.at);
    }
    if (state.sequence === this.#sequence) this.sync.moved(state);
  }

  #check(event: ClusterEvent, state: ClusterState, by: Applier): void {
    switch (event.type) {
      case 'LeaseGranted':
        this.#granted(event, state);
        return;
      case 'LeaseReleased':
        this.#ended(event.epoch, 'released');
        return;
      case 'LeaseExpired':
        this.#ended(event.epoch, 'expired');
        return;
      case 'LeaseFenced':
        this.#fenced(event.epoch);
        return;
      case 'FailoverStarted':
        if (!this.#failing) this.#checkKnown(event, by);
        this.#failing = true;
        this.#operation = event;
        return;
      case 'FailoverAborted':
      case 'FailoverCompleted':
        this.#failing = false;
        return;
      default:
    }
  }

  #granted(event: Granted, state: ClusterState): void {
    const { epoch, holder, timeline, position, reason, refusals } = event;
    const before = this.#grant;
    if (epoch !== (before?.epoch ?? 0) + 1) {
      this.violated('epochs rise by one', { epoch, before: before?.epoch ?? 0 });
    }
    const owner = this.#givenOut.get(timeline);
    if (owner !== undefined && owner !== holder) {
      this.violated('a timeline is given out once', { timeline, to: holder, before: owner });
    }
    this.#givenOut.set(timeline, holder);
    for (const node of this.world().nodes) {
      const belief = this.beliefOf(node);
      if (this.sync.isFenced(node)) continue;
      if (belief !== null && belief < epoch) {
        this.violated('no two holders', { epoch, holder, believes: node.name, in: belief });
      }
      if (this.serves(node)) {
        this.violated('nobody serves at a grant', { epoch, holder, serves: node.name });
      }
    }
    // The last primary goes on when nobody else may.
    const automatic =
      before?.holder !== holder && (reason === 'failover' || reason === 'switchover');
    const asked = reason === 'failover' && this.#operation?.candidate === holder;
    if (automatic && !asked && holder === this.world().swarm.noFailover) {
      this.violated('who is tagged so is not promoted', { epoch, holder, reason });
    }
    this.#grant = event;
    const chosen = this.#node(holder);
    if (chosen !== undefined) {
      this.sync.granted(chosen);
      this.writes.grantedTo(chosen, event);
    }
    if (reason === 'failover' && position !== null) this.#chosen(event, position, refusals, state);
  }

  #chosen(
    { holder }: Granted,
    position: WalPosition,
    refusals: Granted['refusals'],
    state: ClusterState,
  ): void {
    const chosen = this.#node(holder);
    if (chosen === undefined) return;
    const { postgres } = chosen;
    if (postgres.receiver !== null) {
      this.violated('the candidate receives no more', { holder });
    }
    const end = endOf(postgres.wal);
    if (end !== position.lsn && chosen.host.up) {
      this.violated('the position of the candidate is true', { holder, end, said: position.lsn });
    }
    const operation = this.#operation;
    // Synchronous: nobody who has everything waits for somebody who may have more than was acknowledged.
    if (operation?.acceptLoss === true || this.sync.on) return;
    const limit = state.settings.maximumLagOnFailoverBytes;
    const known = operation?.lastKnown ?? null;
    if (
      known !== null &&
      known.timeline === position.timeline &&
      known.lsn - position.lsn > limit
    ) {
      this.violated('nobody behind the limit is chosen', { holder, known: known.lsn, end });
    }
    const refused = new Set(refusals.map(({ instance }) => instance ?? ''));
    const asked = operation?.candidate === holder;
    const { nodes } = this.world();
    const further = furtherNode(nodes, { chosen, position, asked, refused, state });
    if (further !== undefined) {
      this.violated('the furthest is chosen', { holder, end, further: further.name });
    }
  }

  #ended(epoch: number, how: string): void {
    const grant = this.#grant;
    if (grant === null || grant.epoch !== epoch) return;
    const holder = this.#node(grant.holder);
    if (holder === undefined) return;
    const belief = this.beliefOf(holder);
    if (belief !== null && belief <= epoch) {
      this.violated('no right outlasts its lease', { epoch, how, holder: holder.name });
    }
    if (this.serves(holder)) {
      this.violated('down before the lease is over', { epoch, how, holder: holder.name });
    }
  }

  #fenced(epoch: number): void {
    const holder = this.#grant?.epoch === epoch ? this.#node(this.#grant.holder) : undefined;
    if (holder !== undefined) this.sync.fenced(holder, epoch);
  }

  /** Never less than the leader itself has heard of that primary in its service. */
  #checkKnown(event: Failover, { at, owner }: Applier): void {
    const service = at.life?.service ?? null;
    const decidedMs = owner == null ? undefined : this.#proposedAtMs.get(owner);
    if (service === null || decidedMs === undefined) return;
    const heard = this.#heard.get(service)?.findLast(({ atMs }) => atMs < decidedMs);
    if (heard === undefined) return;
    const { lastKnown } = event;
    const { timeline, lsn } = heard.position;
    const less =
      lastKnown === null ||
      lastKnown.timeline < timeline ||
      (lastKnown.timeline === timeline && lastKnown.lsn < lsn);
    if (less) this.violated('what was heard of the primary is not forgotten', { timeline, lsn });
  }

  #node(name: InstanceName): SimNode | undefined {
    return this.world().nodes.find((node) => node.name === name);
  }

  count(what: string): void {
    const { stats } = this.world();
    stats[what] = (stats[what] ?? 0) + 1;
  }
}

export function describe(event: ClusterEvent): string {
  switch (event.type) {
    case 'LeaseGranted':
      return `granted ${event.epoch} ${event.holder} tl${event.timeline} ${event.reason}`;
    case 'LeaseReleased':
      return `released ${event.epoch} ${event.reason}`;
    case 'FailoverStarted':
      return `failover ${event.epoch} from ${event.primary} ${event.trigger}`;
    case 'ActionRefused':
      return `refused ${event.refusals.map((each) => `${each.instance}:${each.rule}`).join(' ')}`;
    case 'SyncSettingOrdered': {
      const { method, count, names } = event.setting;
      return `ordered ${event.order}: ${method} ${count} of ${names.join(' ')}`;
    }
    case 'SyncSetCommitted': {
      const { set } = event;
      const names = set?.members.map(({ name }) => name).join(' ');
      return set === null ? 'relies on nobody' : `relies on ${set.count} of ${names}`;
    }
    case 'FailoverAborted':
    case 'SwitchoverAbandoned':
      return `${event.type} ${event.reason}`;
    default:
      return event.type;
  }
}
