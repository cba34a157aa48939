import { type Lsn, type TimelineId, timelineId } from '#libs/kernel';
import { between, type ClusterWorld, count, say } from './cluster-world.ts';
import { SimProcess } from './sim-host.ts';
import type { SimNode } from './sim-node.ts';
import { ancestorsOf, append, endOf, firstWal, isPrefix, promoted, type Wal } from './wal.ts';

export type SimDirectory = {
  kind: 'empty' | 'unfinished' | 'initialised';
  systemIdentifier: string;
  wal: Wal;
  standbySignal: boolean;
  /** The primary that the managed configuration names. */
  conninfo: SimNode | null;
  cleanShutdown: boolean;
  /** Of the last checkpoint: behind after a promotion until one was made (safety 17). */
  checkpointTimeline: number;
  /** The copy that was moved aside by a rebuild. */
  aside: Wal | null;
};

type Receiver = {
  readonly upstream: SimPostgres;
  readonly upstreamRun: number;
  latestEndLsn: Lsn | null;
  heardAtMs: number;
};
type Walsender = { readonly standby: SimPostgres; confirmed: Wal; sending: boolean };
type Waiting = { readonly wal: Wal; readonly acknowledge: () => void };

const CONNECT_EVERY_MS = 200;
/** wal_receiver_timeout and wal_sender_timeout, set low. */
const SILENCE_LIMIT_MS = 5_000;
const RESEND_MS = 250;
const SMALL_RECORD_BYTES = 100;

/** PostgreSQL as other processes see it: its processes, its WAL, streaming, promotion. */
export class SimPostgres {
  readonly process: SimProcess;
  readonly directory: SimDirectory;
  /** Of what runs; `down` when no process of the instance exists. */
  phase: 'down' | 'starting' | 'running' | 'stopping' = 'down';
  role: 'primary' | 'standby' = 'standby';
  /** False while only backends are left that outlived it (safety 1). */
  postmaster = false;
  receiver: Receiver | null = null;
  /** Counts starts. */
  run = 0;
  /** Faults: commits do not get to disk, promotions take long, the startup process reads no reload. */
  diskFull = false;
  slowPromotionMs = 0;
  reloadHeldUntilMs = 0;
  slowStopMs = 0;
  /** Names that a commit waits for, and how many; null: none. */
  syncNames: { readonly names: readonly string[]; readonly count: number } | null = null;
  readonly walsenders = new Map<string, Walsender>();
  #inForce: SimNode | null = null;
  #promoting = false;
  #childExit: (() => void) | null = null;
  #waiting: Waiting[] = [];

  constructor(
    readonly node: SimNode,
    readonly world: ClusterWorld,
  ) {
    this.process = new SimProcess(node.host, 'postgres', true);
    this.directory = {
      kind: 'empty',
      systemIdentifier: '',
      wal: firstWal(),
      standbySignal: false,
      conninfo: null,
      cleanShutdown: false,
      checkpointTimeline: 1,
      aside: null,
    };
  }

  get wal(): Wal {
    return this.directory.wal;
  }

  get timeline(): TimelineId {
    return this.directory.wal.branch.timeline;
  }

  get alive(): boolean {
    return this.process.alive;
  }

  /** Accepts, or will accept by itself, writes of clients. */
  get writable(): boolean {
    if (!this.alive || this.phase === 'down') return false;
    return this.role === 'primary' || this.#promoting;
  }

  get promotionPending(): boolean {
    return this.#promoting;
  }

  get upstreamInForce(): SimNode | null {
    return this.#inForce;
  }

  /** Becomes a child of whoever calls; what lies in the directory decides as what it runs. */
  spawn(onExit: () => void): void {
    if (this.alive) {
      // "pre-existing shared memory block is still in use"
      this.node.guard.process.after(20, onExit);
      return;
    }
    const { directory, world } = this;
    this.process.begin();
    this.run += 1;
    this.postmaster = true;
    this.phase = 'starting';
    this.role = directory.standbySignal ? 'standby' : 'primary';
    this.#promoting = false;
    this.#inForce = directory.conninfo;
    this.#childExit = onExit;
    this.#waiting = [];
    const crashed = !directory.cleanShutdown && this.role === 'primary';
    directory.cleanShutdown = false;
    const recoveryMs = crashed ? between(world, 50, world.swarm.recoveryMaxMs) : 40;
    this.process.after(between(world, 20, 60) + recoveryMs, () => this.#ready());
  }

  #ready(): void {
    if (this.phase !== 'starting') return;
    this.phase = 'running';
    if (this.role === 'primary') {
      this.#record();
      this.directory.checkpointTimeline = this.timeline;
      this.world.oracle.beganToServe(this.node);
    } else this.#connectLoop(this.run);
  }

  #record(): void {
    this.directory.wal = append(this.directory.wal, SMALL_RECORD_BYTES, null);
    this.#shipToAll();
  }

  initialise(systemIdentifier: string): void {
    const { directory } = this;
    directory.kind = 'initialised';
    directory.systemIdentifier = systemIdentifier;
    directory.wal = append(firstWal(), SMALL_RECORD_BYTES, null);
    directory.standbySignal = true;
    directory.cleanShutdown = true;
  }

  checkpoint(): void {
    this.directory.checkpointTimeline = this.timeline;
  }

  // Stopping and dying

  /** SIGINT: clients end, the shutdown checkpoint is written and sent to every walsender. */
  stopFast(): void {
    if (!this.postmaster || this.phase === 'stopping') return;
    const wasPrimary = this.role === 'primary' && this.phase === 'running';
    this.phase = 'stopping';
    this.#waiting = [];
    this.process.after(between(this.world, 2, 20) + this.slowStopMs, () => {
      if (!wasPrimary) {
        this.directory.cleanShutdown = true;
        this.#die();
        return;
      }
      this.#record();
      this.#waitForWalsenders();
    });
  }

  #waitForWalsenders(): void {
    const { nowMs } = this.world.scheduler;
    const end = this.directory.wal;
    const behind = [...this.walsenders.values()].some(({ confirmed }) => !isPrefix(end, confirmed));
    if (behind) {
      this.#dropSilentWalsenders(nowMs);
      this.process.after(5, () => this.#waitForWalsenders());
      return;
    }
    this.directory.cleanShutdown = true;
    this.directory.checkpointTimeline = this.timeline;
    this.#die();
  }

  #dropSilentWalsenders(nowMs: number): void {
    for (const [name, { standby }] of this.walsenders) {
      const heard = standby.receiver?.upstream === this && standby.node.host.up;
      if (!heard && standby.process.alive) this.walsenders.delete(name);
      if (!standby.process.alive && standby.node.host.up) this.walsenders.delete(name);
      if (!standby.node.host.up && nowMs % SILENCE_LIMIT_MS < 5) this.walsenders.delete(name);
    }
  }

  /** SIGQUIT to the postmaster. */
  quit(): void {
    if (!this.postmaster) return;
    this.phase = 'stopping';
    const slow = this.world.prng.chance(this.world.swarm.slowQuitChance);
    this.process.after(slow ? 2_000 : between(this.world, 1, 12), () => this.#die());
  }

  /** SIGKILL to every process of the instance. */
  killAll(): void {
    if (!this.alive) return;
    this.phase = 'stopping';
    this.process.after(between(this.world, 0.1, 3), () => this.#die());
  }

  /** `kill -9` of the postmaster alone: busy backends do not look, and go on acknowledging. */
  killPostmaster(): void {
    if (!this.postmaster) return;
    this.postmaster = false;
    const busy = this.phase === 'running' && this.role === 'primary' && this.world.prng.chance(0.6);
    this.#tellParent();
    if (busy) {
      count(this.world, 'orphans');
      this.process.after(between(this.world, 500, 8_000), () => this.#die());
    } else {
      this.phase = 'stopping';
      this.process.after(between(this.world, 5, 40), () => this.#die());
    }
  }

  powerOff(): void {
    this.#childExit = null;
    this.#die();
  }

  /** The parent is gone; nobody hears of the exit. */
  orphaned(): void {
    this.#childExit = null;
  }

  #tellParent(): void {
    const tell = this.#childExit;
    this.#childExit = null;
    tell?.();
  }

  #die(): void {
    if (!this.alive) return;
    this.process.end();
    this.phase = 'down';
    this.postmaster = false;
    this.#promoting = false;
    this.#waiting = [];
    const receiver = this.receiver;
    this.receiver = null;
    if (receiver !== null && this.node.host.up) receiver.upstream.walsenders.delete(this.node.name);
    for (const { standby } of this.walsenders.values()) this.#reset(standby);
    this.walsenders.clear();
    this.#tellParent();
  }

  /** A dead process closes its connections; a dead host does not. */
  #reset(standby: SimPostgres): void {
    const { run } = this;
    if (!this.node.host.up) return;
    this.world.network.send(this.node.host, standby.node.host, () => {
      standby.process.deliver(() => {
        const { receiver } = standby;
        if (receiver?.upstream === this && receiver.upstreamRun === run) standby.receiver = null;
      });
    });
  }

  // Writing

  write(bytes: number): void {
    if (!this.#takesWrites() || this.node.host.frozen) return;
    const id = this.world.oracle.writeBegun(this.node);
    this.process.after(between(this.world, 0.3, this.world.swarm.flushMaxMs), () => {
      // Backends that are told to end roll back what they had not committed.
      if (!this.#takesWrites()) return;
      this.directory.wal = append(this.directory.wal, bytes, id);
      const { wal } = this.directory;
      this.world.oracle.written(id, wal);
      this.#shipToAll();
      const acknowledge = (): void => this.world.oracle.acknowledged(id, this.node, wal);
      if (this.#isSynced(wal)) acknowledge();
      else this.#waiting.push({ wal, acknowledge });
    });
  }

  #takesWrites(): boolean {
    return this.alive && this.phase === 'running' && this.role === 'primary' && !this.diskFull;
  }

  #isSynced(wal: Wal): boolean {
    const wanted = this.syncNames;
    if (wanted === null) return true;
    const have = wanted.names.filter((name) => {
      const walsender = this.walsenders.get(name);
      return walsender !== undefined && isPrefix(wal, walsender.confirmed);
    });
    return have.length >= wanted.count;
  }

  /** The setting was changed and reloaded: what waits is looked at anew. */
  setSync(names: SimPostgres['syncNames']): void {
    this.syncNames = names;
    this.#releaseWaiting();
  }

  #releaseWaiting(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ wal }) => !this.#isSynced(wal));
    for (const each of waiting) if (!this.#waiting.includes(each)) each.acknowledge();
  }

  // Promotion

  promote(target: TimelineId): void {
    if (this.phase !== 'running' || this.role !== 'standby' || this.#promoting) return;
    this.#promoting = true;
    this.process.after(between(this.world, 10, 60) + this.slowPromotionMs, () => {
      if (!this.#promoting || this.phase !== 'running') return;
      this.#promoting = false;
      this.#dropReceiver();
      this.role = 'primary';
      const { directory } = this;
      directory.wal = promoted(directory.wal, target);
      directory.standbySignal = false;
      say(this.world, `${this.node.name} promoted`, target);
      this.world.oracle.branchBorn(directory.wal.branch);
      this.#record();
      this.world.oracle.beganToServe(this.node);
    });
  }

  // Receiving

  /** The files changed and the postmaster was told; the startup process may be busy elsewhere. */
  reload(): void {
    if (!this.alive) return;
    const heldMs = Math.max(0, this.reloadHeldUntilMs - this.world.scheduler.nowMs);
    this.process.after(between(this.world, 2, 30) + heldMs, () => {
      this.#inForce = this.directory.conninfo;
      if (this.receiver !== null && this.receiver.upstream.node !== this.#inForce) {
        this.#dropReceiver();
      }
      if (this.#inForce !== null) this.#connect();
    });
  }

  /** SIGTERM to the WAL receiver: it flushes and goes, and the startup process starts none meanwhile. */
  endReceiver(): void {
    this.process.after(between(this.world, 1, 5), () => this.#dropReceiver());
  }

  #dropReceiver(): void {
    const { receiver } = this;
    this.receiver = null;
    if (receiver === null) return;
    const { upstream } = receiver;
    const { name, host } = this.node;
    this.world.network.send(host, upstream.node.host, () => {
      if (upstream.walsenders.get(name)?.standby === this) upstream.walsenders.delete(name);
    });
  }

  #connectLoop(run: number): void {
    if (run !== this.run || this.role !== 'standby') return;
    this.#noticeLostUpstream();
    if (this.receiver === null) this.#connect();
    this.process.after(CONNECT_EVERY_MS, () => this.#connectLoop(run));
  }

  #noticeLostUpstream(): void {
    const { receiver } = this;
    if (receiver === null) return;
    const { upstream, upstreamRun, heardAtMs } = receiver;
    const gone = !upstream.alive || upstream.run !== upstreamRun;
    const reachable = this.world.network.connects(this.node.host, upstream.node.host);
    const silentMs = this.world.scheduler.nowMs - heardAtMs;
    if ((gone && reachable) || ((gone || !reachable) && silentMs > SILENCE_LIMIT_MS)) {
      this.#dropReceiver();
    }
  }

  #connect(): void {
    const from = this.#inForce;
    if (from === null || this.receiver !== null || this.phase !== 'running') return;
    if (this.role !== 'standby' || this.reloadHeldUntilMs > this.world.scheduler.nowMs) return;
    const upstream = from.postgres;
    const { network } = this.world;
    if (upstream === this || !network.connects(this.node.host, from.host)) return;
    if (!upstream.postmaster || upstream.phase !== 'running' || from.host.frozen) return;
    if (!canStream(this.wal, upstream.wal)) return;
    const { scheduler } = this.world;
    this.receiver = {
      upstream,
      upstreamRun: upstream.run,
      latestEndLsn: null,
      heardAtMs: scheduler.nowMs,
    };
    upstream.walsenders.set(this.node.name, { standby: this, confirmed: this.wal, sending: false });
    upstream.#ship(this.node.name);
  }

  #shipToAll(): void {
    for (const name of this.walsenders.keys()) this.#ship(name);
    this.#releaseWaiting();
  }

  #ship(name: string): void {
    const walsender = this.walsenders.get(name);
    if (walsender === undefined || walsender.sending) return;
    walsender.sending = true;
    const { network, swarm } = this.world;
    const { standby } = walsender;
    const lagMs = standby.node.host.up ? swarm.lagMsOf(standby.node.name) : 0;
    this.process.after(between(this.world, 0.1, 0.8) + lagMs, () => {
      const { wal } = this;
      network.send(this.node.host, standby.node.host, () =>
        standby.process.deliver(() => standby.#receive(this, wal)),
      );
      this.process.after(RESEND_MS, () => this.#shipAgain(name, walsender, wal));
    });
  }

  #shipAgain(name: string, walsender: Walsender, sent: Wal): void {
    if (this.walsenders.get(name) !== walsender || !walsender.sending) return;
    if (isPrefix(sent, walsender.confirmed)) return;
    walsender.sending = false;
    this.#ship(name);
  }

  #receive(from: SimPostgres, incoming: Wal): void {
    const { receiver } = this;
    if (receiver?.upstream !== from || receiver.upstreamRun !== from.run) return;
    receiver.heardAtMs = this.world.scheduler.nowMs;
    receiver.latestEndLsn = endOf(incoming);
    if (isPrefix(this.wal, incoming)) {
      if (this.wal !== incoming) {
        this.directory.wal = incoming;
        this.#shipToAll();
      }
    } else if (!isPrefix(incoming, this.wal)) {
      if (canStream(this.wal, incoming)) this.world.oracle.silentlyDiverged(this.node, from.node);
      this.#dropReceiver();
      return;
    }
    const { wal } = this;
    this.world.network.send(this.node.host, from.node.host, () =>
      from.process.deliver(() => from.#confirmed(this.node.name, wal)),
    );
  }

  #confirmed(name: string, wal: Wal): void {
    const walsender = this.walsenders.get(name);
    if (walsender === undefined) return;
    walsender.confirmed = wal;
    walsender.sending = false;
    this.#releaseWaiting();
    if (!isPrefix(this.wal, wal)) this.#ship(name);
  }
}

/** What PostgreSQL itself checks: timelines by number, positions by LSN. */
function canStream(own: Wal, upstream: Wal): boolean {
  const [mine, theirs] = [own.branch.timeline, upstream.branch.timeline];
  if (mine === theirs) return endOf(own) <= endOf(upstream);
  const left = ancestorsOf(upstream).find(({ timeline }) => timeline === timelineId(mine));
  return left !== undefined && endOf(own) <= left.forkLsn;
}
