import { type ClusterState, lastHolder } from '#libs/cluster';
import type { MemberId, RaftStatus } from '#libs/raft';
import type { Log } from '../log.ts';
import type { RaftHost } from '../raft-host/raft-host.ts';

/** A new leader stays this long at least, so that leadership never goes to and fro. */
const SERVES_AT_LEAST_MS = 30_000;
/** The reason to move must have stood for this long, without a break. */
const REASON_STANDS_MS = 10_000;
/** A successor that lacks more than this would keep proposals waiting. */
const LAG_ENTRIES_MAX = 64;

/**
 * A host that dies should not take a primary and the leader at once: then nobody notices before a new
 * leader is elected. So the leader moves off a primary's host, when a healthy voter is elsewhere.
 */
export class LeaderPlacement {
  #term = 0;
  #servesSinceMs = 0;
  #reasonSinceMs: number | null = null;

  constructor(
    readonly host: RaftHost,
    readonly log: Log,
  ) {}

  tick(term: number): void {
    const now = this.host.nowMs();
    if (term !== this.#term) {
      this.#term = term;
      this.#servesSinceMs = now;
      this.#reasonSinceMs = null;
    }
    const successor = betterPlaced(this.host.status(), this.host.store.clusters());
    if (successor === null) {
      this.#reasonSinceMs = null;
      return;
    }
    this.#reasonSinceMs ??= now;
    if (now - this.#servesSinceMs < SERVES_AT_LEAST_MS) return;
    if (now - this.#reasonSinceMs < REASON_STANDS_MS) return;
    this.#reasonSinceMs = null;
    const accepted = this.host.transferLeadership(successor);
    this.log.info('leadership moves off the host of a primary', { to: successor, accepted });
  }
}

/** The healthiest voter on a host without a primary; null when there is none, or no need. */
export function betterPlaced(
  status: RaftStatus,
  clusters: readonly ClusterState[],
): MemberId | null {
  const { membership, self, lastIndex, peers } = status;
  const hostOf = (id: MemberId): string => {
    const address = membership.members.find((member) => member.id === id)?.address ?? '';
    return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  };
  if (membership.outgoing.length > 0) return null;
  // While something is under way, the one that leads it goes on.
  if (clusters.some(({ operation }) => operation.kind !== 'none')) return null;
  const taken = withPrimary(new Set(membership.members.map(({ id }) => hostOf(id))), clusters);
  if (!taken.has(hostOf(self))) return null;
  const [best] = peers
    .filter(({ id }) => membership.voters.includes(id) && !taken.has(hostOf(id)))
    .filter(({ state, recentlyActive }) => recentlyActive && state === 'replicate')
    .filter(({ diskKeepsUp, matchIndex }) => {
      return diskKeepsUp && lastIndex - matchIndex <= LAG_ENTRIES_MAX;
    })
    .toSorted((a, b) => b.matchIndex - a.matchIndex);
  return best?.id ?? null;
}

/** Those of `hosts` on which a primary is; asked of thousands of clusters every second. */
function withPrimary(
  hosts: ReadonlySet<string>,
  clusters: readonly ClusterState[],
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const state of clusters) {
    if (found.size === hosts.size) break;
    const holder = lastHolder(state);
    const record = holder === null ? undefined : state.members[holder];
    if (record === undefined) continue;
    if (hosts.has(record.postgres.host)) found.add(record.postgres.host);
    if (hosts.has(record.agent.host)) found.add(record.agent.host);
  }
  return found;
}
