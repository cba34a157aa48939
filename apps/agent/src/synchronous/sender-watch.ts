import { type ClusterState, isSynchronous, neverAcknowledges } from '#libs/cluster';
import { type InstanceName, isoTime } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { InstanceObservation, ReachableInstance, SqlSession } from '#libs/postgres-run';
import { Repeats } from '../repeats.ts';
import { extraSenders, isReliedOn, type NamedSenders, namedSenders } from './extra-senders.ts';
import { MemberAddresses } from './member-addresses.ts';

/** By then the leader has heard of both, more than once, and one that was about to go has gone. */
const STAYS_MS = 1_000;
/** One that comes again is ended again after this, doubled each time up to the second. */
const AGAIN_FIRST_MS = 10_000;
const AGAIN_LONGEST_MS = 60_000;
/** One that stayed away for this long is a new one. */
const FORGOTTEN_MS = 600_000;

/** The member's own has to be there still: one that is alone is never ended. */
const END_SQL = `
SELECT pid FROM pg_stat_replication
 WHERE pid = ANY ($1::int[]) AND lower(application_name) = lower($2::text)
   AND EXISTS (SELECT FROM pg_stat_replication
                WHERE pid = $3::int AND lower(application_name) = lower($2::text))
   AND pg_terminate_backend(pid)`;

type Ended = { readonly atMs: number; readonly waitMs: number };

/**
 * Of a synchronous primary: whoever streams under a member's name beside the member, or in its place, is
 * told of; beside it, it is ended once the leader has put the member out of what is relied on (safety 14).
 */
export class SenderWatch {
  problem: string | null = null;
  readonly #repeats = new Repeats();
  readonly #since = new Map<string, number>();
  readonly #ended = new Map<string, Ended>();

  constructor(
    readonly own: InstanceName,
    readonly sql: () => Pick<SqlSession, 'query'>,
    readonly log: Pick<Logger, 'warn'>,
    readonly addresses: MemberAddresses = new MemberAddresses(),
  ) {}

  /** Those whose address tells that they are not the member. */
  foreign(state: ClusterState | null, seen: InstanceObservation | null): ReadonlySet<number> {
    if (state === null || seen?.kind !== 'reachable' || !this.#isWatched(state, seen)) {
      return new Set();
    }
    const { addresses } = this;
    return new Set(
      namedSenders(state, this.own, seen).flatMap(({ member, senders }) =>
        senders.filter((each) => addresses.fit(member, each) === 'foreign').map(({ pid }) => pid),
      ),
    );
  }

  async look(state: ClusterState, seen: ReachableInstance, nowMs: number): Promise<void> {
    const problems: string[] = [];
    const watched = this.#isWatched(state, seen) ? namedSenders(state, this.own, seen) : [];
    const doubled = new Set<string>();
    for (const named of watched) {
      const { member, senders } = named;
      if (senders.length > 0) this.addresses.look(member, senders);
      if (senders.length > 1) {
        doubled.add(member.name);
        problems.push(...(await this.#doubled(named, state, seen, nowMs)));
      } else problems.push(...this.#elsewhere(named, state));
    }
    for (const name of this.#since.keys()) if (!doubled.has(name)) this.#since.delete(name);
    this.problem = problems[0] ?? null;
  }

  /** The leader keeps the set, and changes nothing else meanwhile. */
  #isWatched(state: ClusterState, { role }: ReachableInstance): boolean {
    const { lease, operation } = state;
    const serves = lease.kind === 'Held' && lease.serving && lease.holder === this.own;
    return serves && operation.kind === 'none' && role.kind === 'primary' && isSynchronous(state);
  }

  async #doubled(
    named: NamedSenders,
    state: ClusterState,
    seen: ReachableInstance,
    nowMs: number,
  ): Promise<string[]> {
    const { member, senders } = named;
    const since = this.#since.get(member.name) ?? nowMs;
    this.#since.set(member.name, since);
    if (nowMs - since < STAYS_MS) return [];
    const which = extraSenders(named, seen, (...asked) => this.addresses.fit(...asked));
    const wait = whatWaits(state, member.name);
    if (which === null) {
      const why = `${senders.length} walsenders stream under the name of ${member.name} (${senders.map(placeOf).join('; ')}), and neither address nor slot tells which is its own: ${wait} while they are there, end the others`;
      if (this.#repeats.isNews(why)) this.log.warn('walsenders under one name are left', { why });
      return [why];
    }
    const whose = `walsenders stream under the name of ${member.name} that are not its own (${which.extra.map(placeOf).join('; ')}): ${wait} while they are there, end what they serve`;
    const name = member.replicationName;
    if (name === undefined || isReliedOn(state, seen, name)) return [whose];
    const before = this.#ended.get(member.name);
    // It holds up every commit: better ended each second than left for a minute.
    if (!isHeld(state) && before !== undefined && nowMs - before.atMs < before.waitMs) {
      const next = `in ${Math.ceil((before.waitMs - (nowMs - before.atMs)) / 1_000)} s`;
      if (this.#repeats.isNews(whose)) {
        this.log.warn('walsender of a stranger is back', { why: whose, endedAgain: next });
      }
      return [whose];
    }
    await this.#end(name, named, which, nowMs);
    return [];
  }

  async #end(
    name: string,
    { member }: NamedSenders,
    { kept, extra }: NonNullable<ReturnType<typeof extraSenders>>,
    nowMs: number,
  ): Promise<void> {
    const before = this.#ended.get(member.name);
    const known = before !== undefined && nowMs - before.atMs < FORGOTTEN_MS;
    const waitMs = known ? Math.min(before.waitMs * 2, AGAIN_LONGEST_MS) : AGAIN_FIRST_MS;
    const pids = extra.map(({ pid }) => pid);
    const rows = await this.sql().query(END_SQL, [pids, name, kept.pid]);
    this.#since.delete(member.name);
    const ended = extra.filter(({ pid }) => rows.some((row) => row['pid'] === pid));
    if (ended.length === 0) return;
    this.#ended.set(member.name, { atMs: nowMs, waitMs });
    for (const { pid, applicationName, clientAddress, connectedAt } of ended) {
      this.log.warn('walsender under the name of a member ended: it is not the member', {
        ...{ member: member.name, applicationName, address: clientAddress ?? 'a Unix socket', pid },
        ...{ since: isoTime(connectedAt), kept: placeOf(kept), againAfterMs: waitMs },
      });
    }
  }

  #elsewhere({ member, senders }: NamedSenders, state: ClusterState): string[] {
    const [only] = senders;
    if (only === undefined || this.addresses.fit(member, only) !== 'foreign') return [];
    const { host } = member.postgres;
    const why = `the walsender under the name of ${member.name} comes from ${only.clientAddress}, which is not ${this.addresses.known(host)}: ${whatWaits(state, 'it')}`;
    return [why];
  }
}

/** Nobody else is there, and alone they may not go on. */
function isHeld({ sync }: ClusterState): boolean {
  return sync !== undefined && neverAcknowledges(sync.ordered);
}

function whatWaits(state: ClusterState, forWhom: string): string {
  return isHeld(state) ? 'no commit is acknowledged' : `commits do not wait for ${forWhom}`;
}

function placeOf({ pid, clientAddress }: NamedSenders['senders'][number]): string {
  return `${clientAddress ?? 'a Unix socket'}, pid ${pid}`;
}
