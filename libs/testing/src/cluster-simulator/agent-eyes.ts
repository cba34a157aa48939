import {
  type DataDirectory,
  type Endpoint,
  isSynchronous,
  type PostgresCondition,
  type StandbyConnection,
  type SynchronousInForce,
} from '#libs/cluster';
import {
  type Haste,
  LastStreamed,
  type ObservedCondition,
  type Surroundings,
} from '#libs/reconcile';
import type { AgentLife } from './agent-life.ts';
import type { GuardView } from './sim-guard.ts';
import type { SimNode } from './sim-node.ts';
import { ancestorsOf, endOf } from './wal.ts';

const LOOKS_AFTER_MS: Readonly<Record<Haste, number>> = { none: 200, soon: 50, now: 20 };
const LOOK_MS = 2;
const PORT = 5_432;

/** Put together field by field, which is cheaper than copying what is there for one that may be absent. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };

export type Snapshot = {
  readonly begunMs: number;
  readonly guard: GuardView | null;
  readonly directory: DataDirectory;
  readonly postgres: PostgresCondition;
  readonly standbySignal: boolean;
  readonly upstream: Endpoint | null;
  readonly receiving: boolean;
};

/** What an agent sees of its instance, and when it looks. */
export class AgentEyes {
  latest: Snapshot | null = null;
  /** When PostgreSQL was last seen to serve. */
  servedAtMs: number | null = null;
  readonly lastStreamed = new LastStreamed();
  #looking = false;
  #again = false;
  #haste: Haste = 'none';
  #lookTimer = 0;
  readonly #absentSince = new Map<string, number>();

  constructor(readonly life: AgentLife) {}

  setHurry(haste: Haste): void {
    if (haste === this.#haste) return;
    this.#haste = haste;
    this.look();
  }

  look(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    this.#lookTimer += 1;
    const snapshot = this.#observe();
    this.life.process.after(LOOK_MS, () => {
      this.#looking = false;
      this.latest = snapshot;
      this.lastStreamed.looked(snapshot.postgres, snapshot.begunMs);
      this.#lookTimer += 1;
      const timer = this.#lookTimer;
      const waitMs = this.#again ? 0 : LOOKS_AFTER_MS[this.#haste];
      this.#again = false;
      this.life.process.after(waitMs, () => {
        if (timer === this.#lookTimer) this.look();
      });
      this.life.seen(snapshot);
    });
  }

  #observe(): Snapshot {
    const { guard } = this.life;
    const { postgres } = this.life.node;
    const { directory } = postgres;
    const nowMs = this.life.node.host.nowMs();
    if (guard?.postmaster !== 'down') this.life.walEnd = null;
    const condition = this.#postgresCondition();
    if (condition.kind === 'primary' || condition.kind === 'standby') this.servedAtMs = nowMs;
    return {
      begunMs: nowMs,
      guard,
      directory: this.#directory(),
      postgres: condition,
      standbySignal: directory.standbySignal,
      upstream: directory.conninfo === null ? null : endpointOf(directory.conninfo),
      receiving: postgres.receiver !== null,
    };
  }

  #directory(): DataDirectory {
    const { postgres } = this.life.node;
    const { directory, timeline, wal } = postgres;
    if (directory.kind === 'empty') return { kind: 'empty' };
    if (directory.kind === 'unfinished') return { kind: 'unfinished', work: 'work' };
    const { systemIdentifier, cleanShutdown } = directory;
    const walEnd = this.life.walEnd === null ? null : { timeline, lsn: this.life.walEnd };
    const ancestors = ancestorsOf(wal);
    return { kind: 'initialised', systemIdentifier, walEnd, timeline, ancestors, cleanShutdown };
  }

  #postgresCondition(): PostgresCondition {
    const { guard } = this.life;
    const { postgres } = this.life.node;
    if (guard === null) return { kind: 'unresponsive', why: 'no guard' };
    if (guard.postmaster === 'down') return { kind: 'stopped' };
    if (guard.postmaster === 'stopping') return { kind: 'stopping' };
    if (postgres.phase === 'starting') return { kind: 'starting', progress: null, sinceMs: 0 };
    if (postgres.phase === 'stopping') return { kind: 'stopping' };
    if (postgres.phase === 'down' || !postgres.postmaster) {
      return { kind: 'unresponsive', why: 'refused' };
    }
    const { timeline, wal, receiver } = postgres;
    const synchronous = this.#synchronous();
    if (postgres.role === 'primary') {
      const writeLsn = endOf(wal);
      const standbys = this.#standbys();
      const primary = { kind: 'primary', timeline, writeLsn, readOnly: false, standbys } as const;
      return synchronous === null ? primary : { ...primary, synchronous };
    }
    const end = endOf(wal);
    const standby = {
      kind: 'standby',
      timeline,
      receivedLsn: end,
      replayedLsn: end,
      receiver:
        receiver === null
          ? null
          : {
              streaming: true,
              from: endpointOf(receiver.upstream.node),
              latestEndLsn: receiver.latestEndLsn,
              latestEndAgeMs: Math.max(0, this.life.world.scheduler.nowMs - receiver.heardAtMs),
            },
    } as const;
    return synchronous === null ? standby : { ...standby, synchronous };
  }

  #standbys(): StandbyConnection[] {
    const { streaming } = this.life.node.postgres;
    return [...streaming.walsenders.values()].map(({ name, confirmed, replied }) => {
      const flushLsn = replied ? endOf(confirmed) : null;
      const common = { host: null, state: 'streaming', syncState: 'quorum' };
      return { applicationName: name, flushLsn, replayLsn: flushLsn, ...common };
    });
  }

  /** Nothing in clusters whose commits wait for nobody. */
  #synchronous(): SynchronousInForce | null {
    const { state, facts, node } = this.life;
    if (state === null || (state.sync === undefined && !isSynchronous(state))) return null;
    const { setting } = node.postgres.commits.inForce;
    const absent = this.#absence();
    const { synchronous: told } = facts;
    if (told === null) {
      return { setting, proved: false, order: null, flushedTo: null, absent };
    }
    const { order, flushedTo, armed } = told;
    const proved = armed || told.setting.count === 0;
    return { setting, proved, order, flushedTo, absent };
  }

  /** Of those that commits wait for: since when they have not been streaming. */
  #absence(): { readonly name: string; readonly forMs: number }[] {
    const { node, facts } = this.life;
    const names = node.postgres.role === 'primary' ? (facts.synchronous?.setting.names ?? []) : [];
    const nowMs = node.host.nowMs();
    for (const name of this.#absentSince.keys()) {
      if (!names.includes(name)) this.#absentSince.delete(name);
    }
    for (const name of names) {
      if (node.postgres.streaming.walsenders.has(name)) this.#absentSince.delete(name);
      else if (!this.#absentSince.has(name)) this.#absentSince.set(name, nowMs);
    }
    return [...this.#absentSince].map(([name, since]) => ({ name, forMs: nowMs - since }));
  }

  /** Nothing that was seen before the last step ended counts. */
  condition(): ObservedCondition | null {
    const seen = this.latest;
    if (seen === null || seen.begunMs < this.life.steps.endedAtMs || seen.guard === null)
      return null;
    const { guard: now, facts } = this.life;
    const same =
      now !== null &&
      now.incarnation === seen.guard.incarnation &&
      now.postmaster === seen.guard.postmaster &&
      now.run === seen.guard.run;
    const guard = {
      incarnation: seen.guard.incarnation,
      epoch: same ? now.epoch : seen.guard.epoch,
    };
    const around: Writable<Surroundings> = {
      guard,
      detached: facts.detached,
      abandonedHandOver: facts.abandonedHandOver,
      rebuiltOrder: this.life.node.files.rebuiltOrder,
      clientsKeptOut: this.life.node.files.clientsKeptOut,
      copyAside: this.life.node.postgres.directory.aside !== null,
    };
    const { synchronous } = facts;
    if (synchronous !== null) around.synchronous = synchronous;
    const { directory, postgres, upstream, standbySignal } = seen;
    switch (postgres.kind) {
      case 'stopping':
        return { ...around, kind: 'stopping' };
      case 'stopped': {
        if (directory.kind !== 'initialised') return { ...around, ...directory };
        const { systemIdentifier, cleanShutdown } = directory;
        const walEnd = directory.walEnd?.lsn ?? null;
        const kind = 'stopped';
        const down = this.servedAtMs === null ? {} : { downForMs: seen.begunMs - this.servedAtMs };
        const how = { walEnd, cleanShutdown, ...down };
        return { ...around, kind, systemIdentifier, own: directory, ...how };
      }
      case 'starting':
        return { ...around, kind: 'starting', as: standbySignal ? 'standby' : 'primary', upstream };
      case 'primary': {
        const settled = standbySignal && facts.settledEpoch === guard.epoch;
        return {
          ...around,
          kind: 'primary',
          timeline: postgres.timeline,
          readOnly: postgres.readOnly,
          settled,
        };
      }
      case 'standby': {
        if (directory.kind !== 'initialised') return null;
        return {
          ...around,
          kind: 'standby',
          systemIdentifier: directory.systemIdentifier,
          own: { timeline: postgres.timeline, ancestors: directory.ancestors },
          walEnd: postgres.receivedLsn,
          receiving: seen.receiving,
          upstream,
        };
      }
      case 'foreign':
        return { ...around, kind: 'foreign', pid: postgres.pid };
      case 'unresponsive':
        return { ...around, kind: 'unresponsive', why: postgres.why };
    }
  }
}

export function endpointOf(node: SimNode): Endpoint {
  return { host: node.name, port: PORT };
}
