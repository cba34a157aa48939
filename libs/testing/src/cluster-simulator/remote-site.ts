import { REMOTE_NAME } from '#libs/cluster';
import { timelineId } from '#libs/kernel';
import { type ClusterWorld, count, say } from './cluster-world.ts';
import { SimHost } from './sim-host.ts';
import { SimNode } from './sim-node.ts';
import { endOf, isPrefix, promoted } from './wal.ts';

/** Behind those of the installation, whose hosts are counted from 0. */
const HOST_INDEX = 60;
const LOOK_MS = 200;
/** Where the standby leader of a cluster that was demoted connects to. */
export const REMOTE = { host: REMOTE_NAME, port: 5_432, slot: null, user: null } as const;

/**
 * The other cluster of a pair, as its one PostgreSQL: it streams from the cluster that is simulated whole, or
 * writes while that one follows. Its own controllers and its operator are modelled (`site-turns.ts`).
 */
export class RemoteSite {
  readonly node: SimNode;
  /** An operator gave up what only this site has. */
  lossAccepted = false;

  constructor(readonly world: ClusterWorld) {
    const host = new SimHost(HOST_INDEX, 'remote', world.scheduler, 1, 0);
    this.node = new SimNode(host, REMOTE_NAME, world);
  }

  begin(): void {
    this.#followLoop();
  }

  get writes(): boolean {
    return this.node.postgres.writable;
  }

  /** It has begun to write: nobody of the other cluster does, and all that was acknowledged there is here. */
  began(): void {
    const { oracle, nodes } = this.world;
    for (const node of nodes) {
      if (oracle.sync.isFenced(node)) continue;
      if (oracle.serves(node) || oracle.beliefOf(node) !== null) {
        oracle.violated('one site writes', { begins: this.node.name, writes: node.name });
      }
    }
    oracle.writes.turnedTo(this.node);
  }

  /** As `promote-cluster` of its own operator, who was told where the other one stopped. */
  promote(): void {
    const { postgres } = this.node;
    if (postgres.role !== 'standby' || postgres.phase !== 'running' || this.writes) return;
    say(this.world, 'site promoted', postgres.timeline + 1);
    count(this.world, 'siteTurns');
    postgres.directory.conninfo = null;
    postgres.promote(timelineId(postgres.timeline + 1));
  }

  /** A failover within the site, of which the other cluster hears only by streaming from it. */
  failOver(): void {
    const { postgres } = this.node;
    if (postgres.role !== 'primary' || postgres.phase !== 'running') return;
    say(this.world, 'site fails over', postgres.timeline + 1);
    count(this.world, 'siteFailovers');
    const { directory } = postgres;
    directory.wal = promoted(directory.wal, timelineId(postgres.timeline + 1));
    this.world.oracle.branchBorn(directory.wal.branch, this.node);
    directory.checkpointTimeline = postgres.timeline;
    postgres.streaming.shipToAll();
  }

  /** Its turn was called off after it had stopped: it goes on from where it was. */
  reopen(): void {
    const { postgres } = this.node;
    postgres.directory.standbySignal = true;
    postgres.directory.conninfo = null;
    postgres.spawn(() => undefined);
  }

  /** The whole site is gone. */
  lose(): void {
    say(this.world, 'site lost');
    count(this.world, 'siteLosses');
    this.node.postgres.powerOff();
    this.node.host.up = false;
    this.lossAccepted = true;
  }

  /** It comes back as a copy of what is written now. */
  comeBack(): void {
    const { postgres, host } = this.node;
    host.up = true;
    this.lossAccepted = false;
    postgres.powerOff();
  }

  /** Follows whoever writes there, by a new copy when it has more than that one. */
  #followLoop(): void {
    this.world.scheduler.after(LOOK_MS, () => this.#followLoop());
    const { postgres, host } = this.node;
    if (!host.up || this.writes || postgres.phase === 'stopping') return;
    const [source] = this.world.nodes
      .filter((node) => node.postgres.phase === 'running' && node.postgres.role === 'primary')
      .filter((node) => this.world.network.connects(host, node.host) && !node.host.frozen)
      .sort((a, b) => b.postgres.timeline - a.postgres.timeline);
    if (source === undefined) return;
    if (!postgres.alive) this.#copy(source);
    else if (!isPrefix(postgres.wal, source.postgres.wal)) {
      if (source.postgres.timeline >= postgres.timeline) postgres.killAll();
    } else if (postgres.directory.conninfo !== source) {
      postgres.directory.conninfo = source;
      postgres.reload();
    }
  }

  #copy(source: SimNode): void {
    const { directory } = this.node.postgres;
    const { systemIdentifier, wal, checkpointTimeline } = source.postgres.directory;
    Object.assign(directory, { kind: 'initialised', systemIdentifier, wal, checkpointTimeline });
    Object.assign(directory, { standbySignal: true, cleanShutdown: true, conninfo: source });
    say(this.world, `site copies ${source.name}`, Number(endOf(wal)));
    this.node.postgres.spawn(() => undefined);
  }
}
