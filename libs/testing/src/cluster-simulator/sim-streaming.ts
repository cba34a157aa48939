import { type Lsn, timelineId } from '#libs/kernel';
import { between } from './cluster-world.ts';
import type { SyncReading } from './sim-commits.ts';
import type { SimNode } from './sim-node.ts';
import type { SimPostgres } from './sim-postgres.ts';
import { ancestorsOf, endOf, isPrefix, type Wal } from './wal.ts';

export type Receiver = {
  /** `application_name` (safety 14). */
  readonly as: string;
  readonly upstream: SimPostgres;
  readonly upstreamRun: number;
  /** The other end of this very connection; the next one has another. */
  readonly walsender: Walsender;
  latestEndLsn: Lsn | null;
  heardAtMs: number;
};
export type Walsender = {
  readonly name: string;
  readonly standby: SimPostgres;
  confirmed: Wal;
  /** False until the standby first said how far it has flushed. */
  replied: boolean;
  /** What it has read itself of what commits wait for. */
  reading: SyncReading;
  /** Until then it reads no changed files, however often it is told. */
  busyUntilMs: number;
  /** One shipment is on its way at a time; it is sent again when it is not confirmed. */
  sending: boolean;
  shipments: number;
  /** What the latest shipment holds, once it has left. */
  sent: Wal | null;
};

const CONNECT_EVERY_MS = 200;
/** wal_receiver_timeout and wal_sender_timeout, set low. */
const SILENCE_LIMIT_MS = 5_000;
const RESEND_MS = 250;

/** WAL between instances: the receiver of a standby, and the walsenders of whom it streams from. */
export class SimStreaming {
  receiver: Receiver | null = null;
  readonly walsenders = new Map<string, Walsender>();
  /** The primary that the running server has read from its configuration. */
  inForce: SimNode | null = null;
  /** When the oldest signal to read them anew that was not obeyed yet is with the startup process. */
  #unreadFromMs = Number.POSITIVE_INFINITY;

  constructor(readonly postgres: SimPostgres) {}

  someoneIsBehind(): boolean {
    const { wal } = this.postgres;
    return [...this.walsenders.values()].some(({ confirmed }) => !isPrefix(wal, confirmed));
  }

  /** The server was started: it reads its files. */
  started(): void {
    this.#unreadFromMs = Number.POSITIVE_INFINITY;
    this.inForce = this.postgres.directory.conninfo;
  }

  /** The server has died. */
  closeAll(): void {
    const { node } = this.postgres;
    const { receiver } = this;
    this.receiver = null;
    if (receiver !== null && node.host.up) {
      receiver.upstream.streaming.walsenders.delete(receiver.as);
    }
    for (const { standby } of this.walsenders.values()) this.#reset(standby);
    this.walsenders.clear();
  }

  /** The files changed and the postmaster was told; the startup process may be busy elsewhere. */
  reload(): void {
    const { postgres } = this;
    if (!postgres.alive) return;
    const { world } = postgres;
    const heldMs = Math.max(0, postgres.reloadHeldUntilMs - world.scheduler.nowMs);
    const onItsWayMs = between(world, 2, 30);
    this.#unreadFromMs = Math.min(this.#unreadFromMs, world.scheduler.nowMs + onItsWayMs);
    postgres.process.after(onItsWayMs + heldMs, () => {
      this.#readFiles();
      if (this.inForce !== null) this.#connect();
    });
  }

  #readFiles(): void {
    this.#unreadFromMs = Number.POSITIVE_INFINITY;
    this.inForce = this.postgres.directory.conninfo;
    if (this.receiver !== null && this.receiver.upstream.node !== this.inForce) this.dropReceiver();
  }

  /** SIGTERM to the WAL receiver: it flushes and goes, and the startup process starts none meanwhile. */
  endReceiver(): void {
    this.postgres.process.after(between(this.postgres.world, 1, 5), () => this.dropReceiver());
  }

  dropReceiver(): void {
    const { receiver } = this;
    this.receiver = null;
    if (receiver === null) return;
    const { upstream, as, walsender } = receiver;
    const { host } = this.postgres.node;
    this.postgres.world.network.send(host, upstream.node.host, () => {
      const { walsenders } = upstream.streaming;
      if (walsenders.get(as) === walsender) walsenders.delete(as);
    });
  }

  connectLoop(run: number): void {
    if (run !== this.postgres.run || this.postgres.role !== 'standby') return;
    this.#noticeLostUpstream();
    if (this.receiver === null) this.#connect();
    this.postgres.process.after(CONNECT_EVERY_MS, () => this.connectLoop(run));
  }

  #noticeLostUpstream(): void {
    const { receiver } = this;
    if (receiver === null) return;
    const { upstream, upstreamRun, heardAtMs } = receiver;
    const gone = !upstream.alive || upstream.run !== upstreamRun;
    const reachable = this.postgres.world.network.connects(
      this.postgres.node.host,
      upstream.node.host,
    );
    const silentMs = this.postgres.world.scheduler.nowMs - heardAtMs;
    if ((gone && reachable) || ((gone || !reachable) && silentMs > SILENCE_LIMIT_MS)) {
      this.dropReceiver();
    }
  }

  #connect(): void {
    const { nowMs } = this.postgres.world.scheduler;
    if (this.postgres.role !== 'standby' || this.postgres.reloadHeldUntilMs > nowMs) return;
    // The startup process obeys its signals before it asks for a receiver (HandleStartupProcInterrupts).
    if (this.#unreadFromMs <= nowMs) this.#readFiles();
    const from = this.inForce;
    if (from === null || this.receiver !== null || this.postgres.phase !== 'running') return;
    const upstream = from.postgres;
    const { network } = this.postgres.world;
    if (upstream === this.postgres || !network.connects(this.postgres.node.host, from.host)) return;
    if (!upstream.postmaster || upstream.phase !== 'running' || from.host.frozen) return;
    if (!canStream(this.postgres.wal, upstream.wal)) return;
    const { scheduler } = this.postgres.world;
    const as = this.postgres.node.replicationName;
    const walsender: Walsender = {
      name: as,
      standby: this.postgres,
      confirmed: this.postgres.wal,
      replied: false,
      reading: upstream.commits.inForce,
      busyUntilMs: 0,
      sending: false,
      shipments: 0,
      sent: null,
    };
    const [upstreamRun, heardAtMs] = [upstream.run, scheduler.nowMs];
    this.receiver = { as, upstream, upstreamRun, walsender, latestEndLsn: null, heardAtMs };
    upstream.streaming.walsenders.set(as, walsender);
    upstream.streaming.#ship(as);
  }

  shipToAll(): void {
    for (const name of this.walsenders.keys()) this.#ship(name);
  }

  #ship(name: string): void {
    const walsender = this.walsenders.get(name);
    if (walsender === undefined || walsender.sending) return;
    walsender.sending = true;
    walsender.sent = null;
    walsender.shipments += 1;
    const shipment = walsender.shipments;
    const { network, swarm } = this.postgres.world;
    const { standby } = walsender;
    const lagMs = standby.node.host.up ? swarm.lagMsOf(standby.node.name) : 0;
    this.postgres.process.after(between(this.postgres.world, 0.1, 0.8) + lagMs, () => {
      const { wal } = this.postgres;
      walsender.sent = wal;
      network.send(this.postgres.node.host, standby.node.host, () =>
        standby.process.deliver(() => standby.streaming.#receive(this.postgres, wal)),
      );
      this.postgres.process.after(RESEND_MS, () => this.#shipAgain(name, walsender, shipment));
    });
  }

  #shipAgain(name: string, walsender: Walsender, shipment: number): void {
    if (this.walsenders.get(name) !== walsender || !walsender.sending) return;
    if (walsender.shipments !== shipment) return;
    walsender.sending = false;
    this.#ship(name);
  }

  #receive(from: SimPostgres, incoming: Wal): void {
    const { receiver } = this;
    if (receiver?.upstream !== from || receiver.upstreamRun !== from.run) return;
    receiver.heardAtMs = this.postgres.world.scheduler.nowMs;
    receiver.latestEndLsn = endOf(incoming);
    if (isPrefix(this.postgres.wal, incoming)) {
      if (this.postgres.wal !== incoming) {
        this.postgres.directory.wal = incoming;
        this.shipToAll();
      }
    } else if (!isPrefix(incoming, this.postgres.wal)) {
      if (canStream(this.postgres.wal, incoming))
        this.postgres.world.oracle.silentlyDiverged(this.postgres.node, from.node);
      this.dropReceiver();
      return;
    }
    const { wal } = this.postgres;
    const { as } = receiver;
    this.postgres.world.network.send(this.postgres.node.host, from.node.host, () =>
      from.process.deliver(() => from.streaming.#confirmed(as, wal)),
    );
  }

  #confirmed(name: string, wal: Wal): void {
    const walsender = this.walsenders.get(name);
    if (walsender === undefined) return;
    walsender.confirmed = wal;
    walsender.replied = true;
    this.postgres.commits.confirmed(walsender);
    const { sent } = walsender;
    if (sent === null || !isPrefix(sent, wal)) return;
    walsender.sending = false;
    if (!isPrefix(this.postgres.wal, wal)) this.#ship(name);
  }

  dropSilentWalsenders(nowMs: number): void {
    for (const [name, { standby }] of this.walsenders) {
      const heard = standby.receiver?.upstream === this.postgres && standby.node.host.up;
      if (!heard && standby.process.alive) this.walsenders.delete(name);
      if (!standby.process.alive && standby.node.host.up) this.walsenders.delete(name);
      if (!standby.node.host.up && nowMs % SILENCE_LIMIT_MS < 5) this.walsenders.delete(name);
    }
  }

  /** A dead process closes its connections; a dead host does not. */
  #reset(standby: SimPostgres): void {
    const { run } = this.postgres;
    if (!this.postgres.node.host.up) return;
    this.postgres.world.network.send(this.postgres.node.host, standby.node.host, () => {
      standby.process.deliver(() => {
        const { receiver } = standby;
        if (receiver?.upstream === this.postgres && receiver.upstreamRun === run)
          standby.streaming.receiver = null;
      });
    });
  }
}

/** What PostgreSQL itself checks: timelines by number, positions by LSN. */
function canStream(own: Wal, upstream: Wal): boolean {
  const [mine, theirs] = [own.branch.timeline, upstream.branch.timeline];
  if (mine === theirs) return endOf(own) <= endOf(upstream);
  const left = ancestorsOf(upstream).find(({ timeline }) => timeline === timelineId(mine));
  return left !== undefined && endOf(own) <= left.forkLsn;
}
