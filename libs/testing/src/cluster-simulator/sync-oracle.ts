import { type ClusterState, isSynchronous, type SyncMember } from '#libs/cluster';
import type { ClusterOracle } from './cluster-oracle.ts';
import type { SimNode } from './sim-node.ts';
import { endOf, isPrefix, type Wal } from './wal.ts';

/**
 * Synchronous modes: however many members of the set relied on a failover needs, one of them has every
 * commit that was acknowledged, at every moment and not only when one happens (safety 2).
 */
export class SyncOracle {
  #state: ClusterState | null = null;
  /** By host: the last commit that it acknowledged, or showed to clients that it let in. */
  readonly #shown = new Map<SimNode, Wal>();
  /** Ended by data fencing: its PostgreSQL may go on, and acknowledge nothing. */
  readonly #fenced = new Map<SimNode, number>();

  constructor(readonly oracle: ClusterOracle) {}

  get on(): boolean {
    return this.oracle.world().settings.synchronousMode !== 'off';
  }

  isFenced(node: SimNode): boolean {
    return this.#fenced.has(node);
  }

  fenced(holder: SimNode, epoch: number): void {
    this.#fenced.set(holder, epoch);
  }

  granted(holder: SimNode): void {
    this.#fenced.delete(holder);
  }

  /** A whole batch of events was applied, of which this is the outcome. */
  moved(state: ClusterState): void {
    if (!isSynchronous(state)) return;
    this.#state = state;
    const { lease } = state;
    if (lease.kind !== 'Held') return;
    const holder = this.oracle.world().nodes.find(({ name }) => name === lease.holder);
    const shown = holder === undefined ? undefined : this.#shown.get(holder);
    if (holder !== undefined && shown !== undefined) this.#check(holder, shown);
  }

  shown(node: SimNode, wal: Wal): void {
    if (!this.on) return;
    this.#shown.set(node, wal);
    this.#check(node, wal);
  }

  #check(primary: SimNode, wal: Wal): void {
    const { lease, sync } = this.#state ?? {};
    if (lease?.kind !== 'Held' || lease.holder !== primary.name || sync?.epoch !== lease.epoch)
      return;
    const { committed } = sync;
    if (committed === null) return;
    const { members, count } = committed;
    const lacking = members.filter((member) => this.#lacks(member, wal));
    if (lacking.length <= members.length - count) return;
    this.oracle.violated('a failover finds every acknowledged commit', {
      primary: primary.name,
      epoch: lease.epoch,
      relied: `${count} of ${members.map(({ name }) => name).join(', ')}`,
      lacking: lacking.map(({ instance }) => instance).join(', '),
      acknowledged: endOf(wal),
    });
  }

  /** One whose data was made anew is not counted on: its name is another since. */
  #lacks({ instance, name }: SyncMember, wal: Wal): boolean {
    const node = this.oracle.world().nodes.find((each) => each.name === instance);
    if (node === undefined || node.replicationName !== name) return false;
    const { directory } = node.postgres;
    return directory.kind === 'initialised' && !isPrefix(wal, directory.wal);
  }
}
