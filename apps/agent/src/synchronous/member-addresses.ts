import { lookup } from 'node:dns/promises';
import { isAddress, isFrom, type MemberRecord, sameAddress } from '#libs/cluster';
import type { ReplicaConnection } from '#libs/postgres-run';

/** A name is asked for again after this; sooner where somebody comes from an address that it had not. */
const KEPT_MS = 30_000;
const MOVED_MS = 2_000;

export type Fit = 'own' | 'foreign' | 'unknown';

type Sender = Pick<ReplicaConnection, 'clientAddress' | 'connectedAt'>;
type Known = Pick<MemberRecord, 'postgres'>;
type Answer = { readonly addresses: readonly string[]; readonly askedAtMs: number };
type Resolve = (host: string) => Promise<readonly string[]>;

/**
 * Whether a walsender comes from the member's own address, also of members that are known by a host name
 * (safety 14). Nobody waits for a resolver: one name is asked for at a time, since each takes a thread that
 * files need too, and until it is answered nothing is known.
 */
export class MemberAddresses {
  readonly #answers = new Map<string, Answer>();
  readonly #triedAtMs = new Map<string, number>();
  #asking = false;

  /** @param nowMs wall clock of this host, as PostgreSQL's `backend_start` is */
  constructor(
    readonly resolve: Resolve = addressesOf,
    readonly nowMs: () => number = Date.now,
  ) {}

  fit({ postgres: { host } }: Known, { clientAddress: seen, connectedAt }: Sender): Fit {
    if (seen === undefined) return 'unknown';
    const isOwn = isFrom(host, seen);
    if (isOwn !== null) return isOwn ? 'own' : 'foreign';
    const answer = this.#answers.get(host);
    if (answer === undefined) return 'unknown';
    const { addresses, askedAtMs } = answer;
    if (addresses.some((address) => sameAddress(address, seen))) return 'own';
    // From this very host: which of its addresses such a connection shows is chance.
    if (isLoopback(seen)) return addresses.some(isLoopback) ? 'own' : 'unknown';
    // It may have moved before it connected: only an answer of since then tells.
    return askedAtMs >= connectedAt ? 'foreign' : 'unknown';
  }

  /** What is known of a host, for people. */
  known(host: string): string {
    const addresses = this.#answers.get(host)?.addresses ?? [];
    return addresses.length === 0 ? host : `${host} (${addresses.join(', ')})`;
  }

  /** Asks for the member's name, when that is due. */
  look(member: Known, senders: readonly Sender[]): void {
    const { host } = member.postgres;
    if (this.#asking || isAddress(host)) return;
    const hasMoved = senders.some((sender) => this.fit(member, sender) !== 'own');
    const tried = this.#triedAtMs.get(host) ?? Number.NEGATIVE_INFINITY;
    const askedAtMs = this.nowMs();
    if (askedAtMs - tried < (hasMoved ? MOVED_MS : KEPT_MS)) return;
    this.#triedAtMs.set(host, askedAtMs);
    this.#asking = true;
    this.resolve(host)
      .then(
        (addresses) => this.#answers.set(host, { addresses, askedAtMs }),
        // An older answer tells more than none, and is never enough to call anybody foreign.
        () => undefined,
      )
      .finally(() => {
        this.#asking = false;
      });
  }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\.|^::1$/i.test(address);
}
