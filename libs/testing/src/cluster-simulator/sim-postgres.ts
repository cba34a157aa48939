import type { TimelineId } from '#libs/kernel';
import { between, type ClusterWorld, count, say } from './cluster-world.ts';
import { SimCommits } from './sim-commits.ts';
import { SimProcess } from './sim-host.ts';
import type { SimNode } from './sim-node.ts';
import { type Receiver, SimStreaming } from './sim-streaming.ts';
import { append, firstWal, promoted, type Wal } from './wal.ts';

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
  /** Counts starts. */
  run = 0;
  /** Faults: commits do not get to disk, promotions take long, the startup process reads no reload. */
  diskFull = false;
  slowPromotionMs = 0;
  reloadHeldUntilMs = 0;
  slowStopMs = 0;
  /** Since when nothing gets to disk; null while it does. Who waits for the disk cannot be ended either. */
  diskHungSinceMs: number | null = null;
  /** The access file lets no clients in (safety 12). */
  clientsKeptOut = false;
  readonly streaming = new SimStreaming(this);
  readonly commits = new SimCommits(this);
  #promoting = false;
  /** Killed while its processes wait for the disk. */
  #doomed = false;
  #stalled: (() => void)[] = [];
  #childExit: (() => void) | null = null;

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

  get receiver(): Receiver | null {
    return this.streaming.receiver;
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
    if (!this.alive || this.#doomed || this.phase === 'down') return false;
    return this.role === 'primary' || this.#promoting;
  }

  get promotionPending(): boolean {
    return this.#promoting;
  }

  get upstreamInForce(): SimNode | null {
    return this.streaming.inForce;
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
    this.#doomed = false;
    this.#stalled = [];
    this.run += 1;
    this.postmaster = true;
    this.phase = 'starting';
    this.role = directory.standbySignal ? 'standby' : 'primary';
    this.#promoting = false;
    this.streaming.started();
    this.#childExit = onExit;
    this.commits.started();
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
      if (!this.clientsKeptOut) this.world.oracle.clientsLetIn(this.node);
    } else this.streaming.connectLoop(this.run);
  }

  #record(): void {
    this.directory.wal = append(this.directory.wal, SMALL_RECORD_BYTES, null);
    this.streaming.shipToAll();
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
    this.commits.forget();
    const end = (): void => {
      if (this.diskHungSinceMs !== null) {
        this.#stalled.push(end);
        return;
      }
      if (!wasPrimary) {
        this.directory.cleanShutdown = true;
        this.#die();
        return;
      }
      this.#record();
      this.#waitForWalsenders();
    };
    this.process.after(between(this.world, 2, 20) + this.slowStopMs, end);
  }

  #waitForWalsenders(): void {
    if (this.streaming.someoneIsBehind()) {
      this.streaming.dropSilentWalsenders(this.world.scheduler.nowMs);
      this.process.after(5, () => this.#waitForWalsenders());
      return;
    }
    this.directory.cleanShutdown = true;
    this.directory.checkpointTimeline = this.timeline;
    this.#die();
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
    if (!this.alive || this.#doomed) return;
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
    this.diskHungSinceMs = null;
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
    if (this.diskHungSinceMs !== null) {
      this.#doomed = true;
      return;
    }
    this.process.end();
    this.phase = 'down';
    this.postmaster = false;
    this.#promoting = false;
    this.commits.forget();
    this.streaming.closeAll();
    this.#tellParent();
  }

  hangDisk(): void {
    if (this.alive) this.diskHungSinceMs ??= this.world.scheduler.nowMs;
  }

  /** What waited goes on, except in processes that were killed meanwhile, and once their host itself runs. */
  thawDisk(): void {
    if (this.diskHungSinceMs === null) return;
    this.diskHungSinceMs = null;
    const stalled = this.#stalled.splice(0);
    if (this.#doomed) this.#die();
    else for (const goOn of stalled) this.process.deliver(goOn);
  }

  /** Of its own agent's probe: a record that does not get to disk. */
  get stalledForMs(): number | null {
    if (this.diskHungSinceMs === null || !this.writable) return null;
    return this.world.scheduler.nowMs - this.diskHungSinceMs;
  }

  // Writing

  write(bytes: number): void {
    if (!this.#takesWrites() || this.clientsKeptOut || this.node.host.frozen) return;
    const { writes } = this.world.oracle;
    const id = writes.writeBegun(this.node);
    const flush = (): void => {
      // Backends that are told to end roll back what they had not committed.
      if (!this.#takesWrites()) return;
      if (this.diskHungSinceMs !== null) {
        this.#stalled.push(flush);
        return;
      }
      this.directory.wal = append(this.directory.wal, bytes, id);
      const { wal } = this.directory;
      writes.written(id, wal);
      this.streaming.shipToAll();
      this.commits.committed(wal, () => writes.acknowledged(id, this.node, wal));
    };
    this.process.after(between(this.world, 0.3, this.world.swarm.flushMaxMs), flush);
  }

  #takesWrites(): boolean {
    return this.alive && this.phase === 'running' && this.role === 'primary' && !this.diskFull;
  }

  letClientsIn(): void {
    if (!this.clientsKeptOut) return;
    this.clientsKeptOut = false;
    if (this.phase === 'running' && this.role === 'primary') {
      this.world.oracle.clientsLetIn(this.node);
    }
  }

  // Promotion

  promote(target: TimelineId): void {
    if (this.phase !== 'running' || this.role !== 'standby' || this.#promoting) return;
    this.#promoting = true;
    this.process.after(between(this.world, 10, 60) + this.slowPromotionMs, () => {
      if (!this.#promoting || this.phase !== 'running') return;
      this.#promoting = false;
      this.streaming.dropReceiver();
      this.role = 'primary';
      const { directory } = this;
      directory.wal = promoted(directory.wal, target);
      directory.standbySignal = false;
      say(this.world, `${this.node.name} promoted`, target);
      this.world.oracle.branchBorn(directory.wal.branch, this.node);
      this.#record();
      this.world.oracle.beganToServe(this.node);
      this.world.oracle.clientsLetIn(this.node);
    });
  }

  // Receiving

  /** The files changed and the postmaster was told. */
  reload(): void {
    this.streaming.reload();
    this.commits.reload();
  }

  endReceiver(): void {
    this.streaming.endReceiver();
  }
}
