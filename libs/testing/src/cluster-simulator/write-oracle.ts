import type { GrantReason } from '#libs/cluster';
import type { ClusterOracle } from './cluster-oracle.ts';
import type { SimNode } from './sim-node.ts';
import { endOf, isPrefix, type Wal } from './wal.ts';

type Write = {
  readonly node: SimNode;
  wal: Wal | null;
  acknowledged: boolean;
  lost: boolean;
};

/** Knows every write of a client: who acknowledged it, where it lies, and whether its loss was allowed. */
export class WriteOracle {
  readonly #writes: Write[] = [];
  /** By host: the highest timeline on which it acknowledged. */
  readonly #acknowledgedOn = new Map<SimNode, number>();
  acknowledgedCount = 0;
  lostCount = 0;

  constructor(readonly oracle: ClusterOracle) {}

  writeBegun(node: SimNode): number {
    this.#writes.push({ node, wal: null, acknowledged: false, lost: false });
    return this.#writes.length - 1;
  }

  written(id: number, wal: Wal): void {
    const write = this.#writes[id];
    if (write !== undefined) write.wal = wal;
  }

  /**
   * "dual" (corrections 5): another host acknowledged earlier on the same or a later timeline. What a
   * host says in the first moment after it was frozen as a whole counts as evidence only (safety 16).
   */
  acknowledged(id: number, node: SimNode, wal: Wal): void {
    const write = this.#writes[id];
    if (write === undefined) return;
    if (this.oracle.justThawed(node)) {
      this.oracle.count('thawAcks');
      return;
    }
    const timeline = wal.branch.timeline;
    this.oracle.sync.shown(node, wal);
    for (const [other, highest] of this.#acknowledgedOn) {
      // Commits that the next primary has may be acknowledged late: their standbys' word was on its way.
      const arrivedLate = this.oracle.sync.isFenced(node) && isPrefix(wal, other.postgres.wal);
      if (other !== node && highest >= timeline && !arrivedLate) {
        this.oracle.violated('one writer', {
          by: node.name,
          timeline,
          earlier: other.name,
          on: highest,
        });
      }
    }
    const before = this.#acknowledgedOn.get(node) ?? 0;
    this.#acknowledgedOn.set(node, Math.max(before, timeline));
    write.acknowledged = true;
    this.acknowledgedCount += 1;
  }

  /** Clients are let in on a primary that may have recovered more than it had acknowledged. */
  shown(wal: Wal): void {
    for (const write of this.#writes) {
      if (write.acknowledged || write.wal === null || !isPrefix(write.wal, wal)) continue;
      write.acknowledged = true;
    }
  }

  /**
   * Whoever goes on without a failover, or by one in a synchronous mode, has everything already when it is
   * chosen. What an operator gives up is lost from then on.
   */
  grantedTo(node: SimNode, { reason, epoch }: { reason: GrantReason; epoch: number }): void {
    const { operation } = this.oracle;
    const siteLost =
      reason === 'cluster-promotion' && this.oracle.world().site?.lossAccepted === true;
    const accepted = siteLost || (reason === 'failover' && operation?.acceptLoss === true);
    if (reason === 'failover' && !accepted && !this.oracle.sync.on) return;
    for (const write of this.#writes) {
      if (!write.acknowledged || write.lost || write.wal === null) continue;
      if (isPrefix(write.wal, node.postgres.wal)) continue;
      if (!accepted) {
        const [lacks, on] = [endOf(write.wal), write.wal.branch.timeline];
        this.oracle.violated('whoever is granted an epoch has every acknowledged commit', {
          ...{ epoch, holder: node.name, reason, lacks, on, has: endOf(node.postgres.wal) },
        });
        return;
      }
      write.lost = true;
      this.lostCount += 1;
    }
  }

  /** Another site begins to write after a planned turn: it has all that counts. */
  turnedTo({ name, postgres }: SimNode): void {
    for (const write of this.#writes) {
      if (!write.acknowledged || write.lost || write.wal === null) continue;
      if (isPrefix(write.wal, postgres.wal)) continue;
      this.oracle.violated('a planned turn loses nothing', { to: name, lacks: endOf(write.wal) });
      return;
    }
  }

  explainLoss(node: SimNode, wal: Wal): void {
    for (const write of this.#writes) {
      if (!write.acknowledged || write.lost || write.wal === null) continue;
      if (isPrefix(write.wal, wal)) continue;
      const why = this.#whyNotAllowed(write.wal);
      if (why !== null) {
        this.oracle.violated('no acknowledged loss beyond what is stated', {
          primary: node.name,
          ...why,
          lost: endOf(write.wal),
          on: write.wal.branch.timeline,
        });
      }
      write.lost = true;
      this.lostCount += 1;
    }
  }

  /** Asynchronous mode: only a failover, and only what lies within the limit of what was known. */
  #whyNotAllowed(lost: Wal): Readonly<Record<string, unknown>> | null {
    const { operation } = this.oracle;
    const { grant } = this.oracle;
    if (grant?.reason !== 'failover' || operation === null) {
      return { grant: grant?.reason ?? 'none' };
    }
    if (operation.acceptLoss) return null;
    const { settings } = this.oracle.world();
    if (settings.synchronousMode !== 'off') return { mode: settings.synchronousMode };
    const { lastKnown } = operation;
    if (lastKnown === null) return null;
    // What was left for a later timeline lies before it: positions on one line of descent compare.
    if (lost.branch.timeline > lastKnown.timeline) return null;
    const limit = settings.maximumLagOnFailoverBytes;
    return endOf(lost) > lastKnown.lsn - limit ? null : { lastKnown: lastKnown.lsn, limit };
  }

  /** G5: a copy goes only where everything that counts is somewhere else. */
  destroys(node: SimNode, source: SimNode, what: string): void {
    if (what === 'nothing') return;
    this.oracle.count('destructions');
    if (node.postgres.alive)
      this.oracle.violated('nothing running is destroyed', { at: node.name });
    if (node.postgres.directory.kind !== 'initialised') return;
    const own = node.postgres.wal;
    for (const write of this.#writes) {
      if (!write.acknowledged || write.lost || write.wal === null) continue;
      if (!isPrefix(write.wal, own) || isPrefix(write.wal, source.postgres.wal)) continue;
      this.oracle.violated('the last good copy stays', {
        at: node.name,
        what,
        source: source.name,
        record: endOf(write.wal),
      });
      return;
    }
  }

  /** At the end: nothing acknowledged is gone without a word. */
  checkAll(primary: SimNode): void {
    for (const write of this.#writes) {
      if (!write.acknowledged || write.lost || write.wal === null) continue;
      if (!isPrefix(write.wal, primary.postgres.wal)) {
        this.oracle.violated('every acknowledged write survives', { record: endOf(write.wal) });
        return;
      }
    }
  }
}
