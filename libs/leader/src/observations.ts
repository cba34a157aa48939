import {
  type AgentReport,
  type ClusterObservations,
  type ClusterState,
  type GuardObservation,
  type InstanceObservation,
  type LastKnownPosition,
  type LeaseObservation,
  laggingMembers,
  type VanishedAgent,
  type WalPosition,
} from '#libs/cluster';
import type { InstanceName, MonotonicMs } from '#libs/kernel';
import type { CappedTime } from '#libs/lease';
import { lookAgeOf, overdueMs } from './look-age.ts';
import { ABSENT_TOO_MS, agentGoneMs, type LastHeard, vanishedNearest } from './vanished-agents.ts';

/** Instances of one cluster that are remembered; certificates bound who can report at all. */
const INSTANCES_MAX = 64;

/** The guard says it with every renewal. */
const AGENTLESS_KNOWN_MS = 2_000;

type Heard = {
  report: AgentReport | null;
  /** When it came, or earlier when it told of a look that was long past. */
  reportMark: number;
  arrivedMark: number;
  /** Its age is told when it is asked for; kept with the field, it is copied at once. */
  guard: GuardObservation | null;
  guardMark: number;
  /** When the present proof of detachment was first heard of. */
  detachedMark: number;
  /** The highest epoch that the guard was heard to hold, and when first. */
  heldEpoch: number;
  heldMark: number;
  /** When the primary last saw it lag; null: not in this term. */
  laggedMark: number | null;
  /** Of the PostgreSQL that it last reported, also from before it was down; null: of none. */
  startedAt: number | null;
  restarted: boolean;
};
/** Put together field by field, which is cheaper than copying what is there for each one that may be absent. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };
/** Absent in nearly all clusters nearly always. */
type Rare = Pick<
  ClusterObservations,
  | 'agentsVanishedElsewhere'
  | 'clockJumpMs'
  | 'sinceFailoverMs'
  | 'sinceRestartOrderedMs'
  | 'sinceResumedMs'
>;
type Known = Writable<WalPosition> & { mark: number };
type Entry = {
  readonly instances: Map<InstanceName, Heard>;
  lastKnown: Known | null;
  changedMark: number | null;
  refusedMark: number | null;
  failedOverMark: number | null;
  restartMark: number | null;
  resumedMark: number | null;
  clockJumpMs: number;
};

/**
 * What the leader has heard in its present term of service; in memory only. Marks are of capped time,
 * so that a pause of this process makes nobody look silent.
 */
export class ObservationTable {
  readonly #time: CappedTime;
  readonly #beganMark: number;
  readonly #entries = new Map<string, Entry>();
  /** Clusters whose primary's guard has no agent, and when it said so. */
  readonly #agentless = new Map<string, number>();

  constructor(time: CappedTime, now: MonotonicMs) {
    this.#time = time;
    this.#beganMark = time.mark(now);
  }

  reported(
    state: ClusterState | null,
    cluster: string,
    report: AgentReport,
    now: MonotonicMs,
  ): void {
    const entry = this.#entry(cluster);
    const heard = heardOf(entry, report.instance);
    if (heard === null) return;
    const mark = this.#time.mark(now);
    const before = heard.report;
    if (before?.detached?.throughEpoch !== report.detached?.throughEpoch) heard.detachedMark = mark;
    noteHeld(heard, report.guard?.epoch ?? null, mark);
    noteStarted(heard, report.postmasterStartedAt);
    heard.report = report;
    heard.reportMark = mark - overdueMs(report);
    heard.arrivedMark = mark;
    if (state === null) return;
    const seenMark = mark - lookAgeOf(report);
    for (const name of laggingMembers(state, report)) {
      const lagging = heardOf(entry, name);
      if (lagging !== null) lagging.laggedMark = seenMark;
    }
    const position = positionIn(state, report);
    if (position !== null) this.#noteKnown(entry, position.position, seenMark - position.ageMs);
  }

  /** @returns whether it said something else than the last time, its age aside */
  guardHeard(
    cluster: string,
    instance: InstanceName,
    guard: Omit<GuardObservation, 'ageMs'>,
    now: MonotonicMs,
  ): boolean {
    const heard = heardOf(this.#entry(cluster), instance);
    if (heard === null) return false;
    const isNews = heard.guard === null || saysOtherwise(heard.guard, guard);
    heard.guardMark = this.#time.mark(now);
    noteHeld(heard, guard.epoch, heard.guardMark);
    // Thousands say the same every second: kept anew, each would outlive the young heap (docs/adr/0011).
    if (isNews) heard.guard = { ...guard, ageMs: 0 };
    if (guard.agentAbsentMs >= ABSENT_TOO_MS) this.#agentless.set(cluster, heard.guardMark);
    else this.#agentless.delete(cluster);
    return isNews;
  }

  /** `ageMs`: how old the position was already when it came (gossip of the leader before). */
  positionKnown(cluster: string, position: WalPosition, ageMs: number, now: MonotonicMs): void {
    this.#noteKnown(this.#entry(cluster), position, this.#time.mark(now) - ageMs);
  }

  /** Another cluster of whose primary's guard was heard lately that it has no agent. */
  #agentlessBut(cluster: string): string | null {
    for (const [other, mark] of this.#agentless) {
      if (other !== cluster && this.#time.since(mark) <= AGENTLESS_KNOWN_MS) return other;
    }
    return null;
  }

  /** Asked of everybody, so only of a cluster whose own agent is missed. */
  #vanishedBut(own: Entry): VanishedAgent | null {
    const goneMs = agentGoneMs(this.#lastHeard(own));
    return goneMs === 0 ? null : vanishedNearest(this.#others(own), goneMs);
  }

  *#others(own: Entry): Generator<readonly [string, Generator<LastHeard>]> {
    for (const [cluster, entry] of this.#entries) {
      if (entry !== own) yield [cluster, this.#lastHeard(entry)];
    }
  }

  *#lastHeard({ instances }: Entry): Generator<LastHeard> {
    for (const { report, arrivedMark, guard, guardMark } of instances.values()) {
      const reportAgeMs = this.#time.since(arrivedMark);
      yield { report, reportAgeMs, guard, guardAgeMs: this.#time.since(guardMark) };
    }
  }

  versionRaised(cluster: string, now: MonotonicMs): void {
    this.#entry(cluster).changedMark = this.#time.mark(now);
  }

  failedOver(cluster: string, now: MonotonicMs): void {
    this.#entry(cluster).failedOverMark = this.#time.mark(now);
  }

  resumed(cluster: string, now: MonotonicMs): void {
    this.#entry(cluster).resumedMark = this.#time.mark(now);
  }

  restartOrdered(cluster: string, now: MonotonicMs): void {
    this.#entry(cluster).restartMark = this.#time.mark(now);
  }

  /** Of this controller's wall clock; told to each cluster until it is recorded there. */
  clockJumped(clusters: readonly string[], jumpMs: number): void {
    for (const cluster of clusters) this.#entry(cluster).clockJumpMs += jumpMs;
  }

  /** An event tells that it serves, whatever it was before. */
  restartTold(cluster: string, instance: InstanceName): void {
    const heard = this.#entries.get(cluster)?.instances.get(instance);
    if (heard !== undefined) heard.restarted = false;
  }

  clockJumpRecorded(cluster: string): void {
    this.#entry(cluster).clockJumpMs = 0;
  }

  refused(cluster: string, now: MonotonicMs): void {
    this.#entry(cluster).refusedMark = this.#time.mark(now);
  }

  lastKnown(cluster: string): LastKnownPosition | null {
    const known = this.#entries.get(cluster)?.lastKnown ?? null;
    if (known === null) return null;
    const { timeline, lsn, mark } = known;
    return { timeline, lsn, ageMs: this.#time.since(mark) };
  }

  get servingForMs(): number {
    return this.#time.since(this.#beganMark);
  }

  /** Of its agent's last report to this leader; null when there was none. */
  reportAgeMs(cluster: string, instance: string): number | null {
    const heard = this.#entries.get(cluster)?.instances.get(instance as InstanceName);
    if (heard === undefined || heard.report === null) return null;
    return this.#time.since(heard.arrivedMark);
  }

  get clusters(): IterableIterator<string> {
    return this.#entries.keys();
  }

  of(cluster: string, lease: LeaseObservation | null): ClusterObservations {
    const { servingForMs } = this;
    const entry = this.#entries.get(cluster);
    const changedMark = entry?.changedMark ?? null;
    const refusedMark = entry?.refusedMark ?? null;
    const failedOverMark = entry?.failedOverMark ?? null;
    const restartMark = entry?.restartMark ?? null;
    const resumedMark = entry?.resumedMark ?? null;
    const jumpMs = entry?.clockJumpMs ?? 0;
    const instances: Record<string, InstanceObservation> = {};
    for (const [name, heard] of entry?.instances ?? []) instances[name] = this.#observed(heard);
    // Asked at every tick of every cluster: fields that may be absent are added last, which is cheap.
    const seen = {
      servingForMs,
      sinceChangeMs: changedMark === null ? servingForMs : this.#time.since(changedMark),
      sinceRefusalMs: refusedMark === null ? null : this.#time.since(refusedMark),
      instances,
      lease,
      lastKnown: this.lastKnown(cluster),
      agentsAbsentElsewhere: this.#agentlessBut(cluster),
    };
    const rare: Writable<Rare> = {};
    const vanished = this.#agentless.has(cluster) ? this.#vanishedBut(this.#entry(cluster)) : null;
    if (vanished !== null) rare.agentsVanishedElsewhere = vanished;
    if (jumpMs !== 0) rare.clockJumpMs = jumpMs;
    if (failedOverMark !== null) rare.sinceFailoverMs = this.#time.since(failedOverMark);
    if (resumedMark !== null) rare.sinceResumedMs = this.#time.since(resumedMark);
    if (restartMark !== null) rare.sinceRestartOrderedMs = this.#time.since(restartMark);
    return Object.keys(rare).length === 0 ? seen : { ...seen, ...rare };
  }

  #observed(of: Heard): InstanceObservation {
    const { report, reportMark, guard, guardMark, detachedMark, heldMark, heldEpoch } = of;
    const { laggedMark } = of;
    const seen: Writable<InstanceObservation> = {
      report,
      reportAgeMs: report === null ? null : this.#time.since(reportMark),
      guard: guard === null ? null : { ...guard, ageMs: this.#time.since(guardMark) },
    };
    if (heldEpoch !== 0) seen.held = { epoch: heldEpoch, ageMs: this.#time.since(heldMark) };
    if (report !== null && report.detached !== null) {
      seen.detachedAgeMs = this.#time.since(detachedMark);
    }
    if (laggedMark !== null) seen.laggedAgeMs = this.#time.since(laggedMark);
    if (of.restarted) seen.restarted = true;
    return seen;
  }

  #entry(cluster: string): Entry {
    let entry = this.#entries.get(cluster);
    if (entry === undefined) {
      const marks = {
        changedMark: null,
        refusedMark: null,
        failedOverMark: null,
        restartMark: null,
        resumedMark: null,
      };
      entry = { instances: new Map(), lastKnown: null, ...marks, clockJumpMs: 0 };
      this.#entries.set(cluster, entry);
    }
    return entry;
  }

  /** A later timeline wins, then the further position, then the fresher news of the same one. */
  #noteKnown(entry: Entry, position: WalPosition, mark: number): void {
    const { lastKnown: before } = entry;
    const newer =
      before === null ||
      position.timeline > before.timeline ||
      (position.timeline === before.timeline &&
        (position.lsn > before.lsn || (position.lsn === before.lsn && mark > before.mark)));
    if (!newer) return;
    const { timeline, lsn } = position;
    if (before === null) entry.lastKnown = { timeline, lsn, mark };
    else {
      before.timeline = timeline;
      if (before.lsn !== lsn) before.lsn = lsn;
      before.mark = mark;
    }
  }
}

function heardOf(entry: Entry, instance: InstanceName): Heard | null {
  let heard = entry.instances.get(instance);
  if (heard === undefined) {
    if (entry.instances.size >= INSTANCES_MAX) return null;
    const marks = { reportMark: 0, arrivedMark: 0, guardMark: 0, detachedMark: 0, heldMark: 0 };
    const started = { startedAt: null, restarted: false };
    heard = { report: null, guard: null, heldEpoch: 0, laggedMark: null, ...marks, ...started };
    entry.instances.set(instance, heard);
  }
  return heard;
}

/** An agent that is absent is absent for longer each time, and rules wait for that. */
function saysOtherwise(before: GuardObservation, now: Omit<GuardObservation, 'ageMs'>): boolean {
  return (
    before.incarnation !== now.incarnation ||
    before.epoch !== now.epoch ||
    before.postmaster !== now.postmaster ||
    before.failsafeVersion !== now.failsafeVersion ||
    before.agentAbsentMs > 0 ||
    now.agentAbsentMs > 0
  );
}

/** Renewals and reports tell of the same epoch, the later of them not always the newer. */
function noteHeld(heard: Heard, epoch: number | null, mark: number): void {
  if (epoch === null || epoch <= heard.heldEpoch) return;
  heard.heldEpoch = epoch;
  heard.heldMark = mark;
}

/** The time of a start does not change with the clock; while PostgreSQL is down none is reported. */
function noteStarted(heard: Heard, startedAt: number | undefined): void {
  if (startedAt === undefined || startedAt === heard.startedAt) return;
  if (heard.startedAt !== null) heard.restarted = true;
  heard.startedAt = startedAt;
}

/** What a report says of the present primary's WAL: its own, or what a standby was told by it. */
function positionIn(
  state: ClusterState,
  report: AgentReport,
): { readonly position: WalPosition; readonly ageMs: number } | null {
  const { postgres } = report;
  const { lease } = state;
  if (lease.kind === 'NeverGranted') return null;
  if (postgres.kind === 'primary') {
    if (lease.holder !== report.instance) return null;
    return { position: { timeline: postgres.timeline, lsn: postgres.writeLsn }, ageMs: 0 };
  }
  if (postgres.kind !== 'standby' || postgres.receiver === null) return null;
  const { latestEndLsn, latestEndAgeMs } = postgres.receiver;
  if (latestEndLsn === null || postgres.timeline !== state.history.at(-1)?.timeline) return null;
  return {
    position: { timeline: postgres.timeline, lsn: latestEndLsn },
    ageMs: latestEndAgeMs ?? 0,
  };
}
