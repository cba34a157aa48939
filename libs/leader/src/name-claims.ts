import type { AgentReport, ClusterState, Endpoint } from '#libs/cluster';
import { DomainError, type MonotonicMs } from '#libs/kernel';
import type { CappedTime } from '#libs/lease';
import type { GuardIdentity } from './guard-link.ts';

/** An agent that was not heard for this long has left its name to whoever bears it now. */
export const NAME_KEPT_MS = 10_000;

/** One running agent, as its link shows it. */
export type Bearer = {
  /** Of its process: the same after it has connected again. */
  readonly incarnation: string;
  /** Where its link comes from. */
  readonly host: string;
  readonly isConnected: () => boolean;
};

/** A second agent bears the name of an instance: a file that was copied, a machine that was cloned. */
export class NameTakenError extends DomainError {
  readonly code = 'NAME_TAKEN';
}

/** How much speaks for an agent's being the instance itself. */
const Rank = { stranger: 0, atItsAddress: 1, holdsTheLease: 2 } as const;
type Rank = (typeof Rank)[keyof typeof Rank];

type Claim = {
  readonly bearer: Bearer;
  readonly place: string;
  readonly rank: Rank;
  readonly mark: number;
};
type Twin = { readonly incarnation: string; readonly place: string; readonly mark: number };

/**
 * Of two agents with one name only one is heard, and the other told of both: whoever holds the lease,
 * else who is where the cluster knows the instance to be, else who came first. Without it each report
 * would undo the other's.
 */
export class NameClaims {
  readonly #time: CappedTime;
  readonly #beganMark: number;
  readonly #claims = new Map<string, Claim>();
  readonly #twins = new Map<string, Twin>();

  constructor(time: CappedTime, now: MonotonicMs) {
    this.#time = time;
    this.#beganMark = time.mark(now);
  }

  /** With each report. @throws NameTakenError when another agent is the instance */
  claim(
    state: ClusterState | null,
    { cluster, instance }: GuardIdentity,
    report: Pick<AgentReport, 'agentEndpoint' | 'postgresEndpoint' | 'guard'>,
    bearer: Bearer,
    now: MonotonicMs,
  ): void {
    const name = `${cluster}/${instance}`;
    const mark = this.#time.mark(now);
    const own = { bearer, place: placeOf(report, bearer), rank: rankOf(state, instance, report) };
    const holder = this.#standing(name);
    if (holder === null && own.rank === Rank.stranger) {
      this.#awaitTheKnown(state, instance, name, own.place);
    }
    if (holder !== null && !mayReplace(holder, own)) {
      this.#twins.set(name, { incarnation: bearer.incarnation, place: own.place, mark });
      throw taken(name, own.place, `it is ${holder.place}, heard ${this.#ago(holder.mark)} ago`);
    }
    this.#claims.set(name, { ...own, mark });
    if (this.#twins.get(name)?.incarnation === bearer.incarnation) this.#twins.delete(name);
  }

  /** With each other request. @throws NameTakenError as told to its last report */
  check({ cluster, instance }: GuardIdentity, bearer: Bearer): void {
    const name = `${cluster}/${instance}`;
    const holder = this.#standing(name);
    if (holder === null || holder.bearer.incarnation === bearer.incarnation) return;
    const wasRefused = this.#twins.get(name)?.incarnation === bearer.incarnation;
    // A new start of the same agent asks before it reports.
    if (!wasRefused && holder.bearer.host === bearer.host) return;
    throw taken(name, `linked from ${bearer.host}`, `it is ${holder.place}`);
  }

  /** For whoever looks at the instance; null when nobody else bears its name. */
  problem(cluster: string, instance: string): string | null {
    const twin = this.#twins.get(`${cluster}/${instance}`);
    if (twin === undefined || this.#time.since(twin.mark) > NAME_KEPT_MS) return null;
    return `a second agent bears this name and is not heard: ${twin.place}`;
  }

  /** After a change of leader a stranger may be the first to come. */
  #awaitTheKnown(
    state: ClusterState | null,
    instance: GuardIdentity['instance'],
    name: string,
    place: string,
  ): void {
    const known = state?.members[instance];
    if (known === undefined || this.#time.since(this.#beganMark) > NAME_KEPT_MS) return;
    const { agent, postgres } = known;
    const kept = `it was at ${placeText(agent, postgres)}, and is awaited there for ${NAME_KEPT_MS / 1_000} s`;
    throw taken(name, place, kept);
  }

  #standing(name: string): Claim | null {
    const claim = this.#claims.get(name);
    if (claim === undefined || !claim.bearer.isConnected()) return null;
    return this.#time.since(claim.mark) > NAME_KEPT_MS ? null : claim;
  }

  #ago(mark: number): string {
    return `${(this.#time.since(mark) / 1_000).toFixed(1)} s`;
  }
}

/** The same process, a new start of it in the same place, or one for which more speaks. */
function mayReplace(holder: Claim, own: Omit<Claim, 'mark'>): boolean {
  if (own.bearer.incarnation === holder.bearer.incarnation) return true;
  return own.place === holder.place || own.rank > holder.rank;
}

function rankOf(
  state: ClusterState | null,
  instance: GuardIdentity['instance'],
  {
    guard,
    agentEndpoint,
    postgresEndpoint,
  }: Pick<AgentReport, 'agentEndpoint' | 'postgresEndpoint' | 'guard'>,
): Rank {
  const lease = state?.lease;
  const holds = lease?.kind === 'Held' && lease.holder === instance;
  if (holds && guard?.incarnation === lease.guard) return Rank.holdsTheLease;
  const known = state?.members[instance];
  if (known === undefined) return Rank.stranger;
  const here = same(known.agent, agentEndpoint) && same(known.postgres, postgresEndpoint);
  return here ? Rank.atItsAddress : Rank.stranger;
}

function same(a: Endpoint, b: Endpoint): boolean {
  return a.host === b.host && a.port === b.port;
}

function placeOf(
  { agentEndpoint, postgresEndpoint }: Pick<AgentReport, 'agentEndpoint' | 'postgresEndpoint'>,
  { host }: Bearer,
): string {
  return `${placeText(agentEndpoint, postgresEndpoint)}, linked from ${host}`;
}

function placeText(agent: Endpoint, postgres: Endpoint): string {
  return `agent ${agent.host}:${agent.port} with PostgreSQL ${postgres.host}:${postgres.port}`;
}

function taken(name: string, own: string, other: string): NameTakenError {
  return new NameTakenError(
    `'${name}' is borne by two agents. This one: ${own}. The instance: ${other}. ` +
      `One name is for one instance: stop this agent, or give it another 'instance' with certificates of that name`,
  );
}
