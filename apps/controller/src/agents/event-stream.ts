import type { RecordedEvent } from '#libs/cluster';
import type { ClusterName } from '#libs/kernel';
import type { AgentSpeech } from '#libs/leader';
import { type AgentPush, encode, type StreamStart } from '#libs/protocol';
import type { RaftHost } from '../raft-host/raft-host.ts';
import type { AgentConnection } from './agent-connection.ts';

/** Called with the events of one cluster, in order. */
export type EventFollower = (events: readonly RecordedEvent[]) => void;

/**
 * Committed events as they are applied here, to agents and to readers of the API. Any controller serves
 * them. A subscriber that cannot keep up is dropped and told to subscribe again, never buffered for.
 */
export class EventStream {
  readonly #host: RaftHost;
  readonly #agents = new Set<AgentConnection>();
  readonly #followers = new Map<string, Set<EventFollower>>();
  readonly #fresh = new Map<ClusterName, RecordedEvent[]>();

  constructor(host: RaftHost) {
    this.#host = host;
  }

  /** This controller is isolated. */
  get isEnded(): boolean {
    return this.#host.isolated !== null;
  }

  get agents(): ReadonlySet<AgentConnection> {
    return this.#agents;
  }

  connected(agent: AgentConnection): void {
    this.#agents.add(agent);
  }

  disconnected(agent: AgentConnection): void {
    agent.ended();
    this.#agents.delete(agent);
  }

  /** Nobody may follow a state that is not trusted: agents turn to other controllers. */
  end(): void {
    this.#followers.clear();
    for (const agent of this.#agents) agent.connection.end();
  }

  /** The state is small, so whoever lacks an event gets it whole. */
  subscribe(agent: AgentConnection, sequence: number): StreamStart {
    const state = this.#host.store.cluster(agent.identity.cluster);
    agent.owedResubscribe = state === null;
    agent.subscribed = state !== null;
    if (state === null) return { kind: 'unknownCluster' };
    if (sequence >= state.sequence) return { kind: 'events', from: sequence };
    return { kind: 'state', state, protocol: this.#host.store.protocol };
  }

  /** What the agent of each registered instance speaks; null while it is not connected here. */
  spokenByMembers(): readonly AgentSpeech[] {
    const spoken = new Map<string, number>();
    for (const { connection } of this.#agents) {
      const { name, protocol } = connection.peer;
      spoken.set(name, Math.min(protocol, spoken.get(name) ?? protocol));
    }
    return this.#host.store.clusters().flatMap(({ name: cluster, members }) =>
      Object.keys(members).map((instance) => {
        const name = `${cluster}/${instance}`;
        return { name, protocol: spoken.get(name) ?? null };
      }),
    );
  }

  /** @returns a function that ends it */
  follow(cluster: string, follower: EventFollower): () => void {
    let followers = this.#followers.get(cluster);
    if (followers === undefined) {
      followers = new Set();
      this.#followers.set(cluster, followers);
    }
    followers.add(follower);
    return () => followers.delete(follower);
  }

  add(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      const fresh = this.#fresh.get(event.cluster);
      if (fresh === undefined) this.#fresh.set(event.cluster, [event]);
      else fresh.push(event);
    }
  }

  /** Once per turn: what was applied in it leaves as one push a cluster. */
  flush(): void {
    if (this.#fresh.size === 0) return;
    for (const [cluster, events] of this.#fresh) {
      for (const follower of this.#followers.get(cluster) ?? []) follower(events);
      this.#pushToAgents(cluster, events);
    }
    this.#fresh.clear();
  }

  /** At each tick: those that were dropped are called back once their buffer is empty. */
  callBack(): void {
    for (const agent of this.#agents) {
      if (!agent.owedResubscribe || agent.connection.waitingBytes > 0) continue;
      if (this.#host.store.cluster(agent.identity.cluster) === null) continue;
      agent.owedResubscribe = !agent.push({ type: 'resubscribe' });
    }
  }

  /** The state was replaced as a whole: everybody reads it anew. */
  resubscribeAll(): void {
    for (const agent of this.#agents) agent.owedResubscribe = true;
  }

  announceLeader(leader: { readonly name: string | null; readonly term: number }): void {
    for (const agent of this.#agents) agent.push({ type: 'leader', ...leader });
  }

  #pushToAgents(cluster: ClusterName, events: readonly RecordedEvent[]): void {
    let bytes: Uint8Array | null = null;
    for (const agent of this.#agents) {
      if (!agent.subscribed || agent.identity.cluster !== cluster) continue;
      bytes ??= encode({ type: 'events', events } satisfies AgentPush);
      if (agent.pushBytes(bytes)) continue;
      agent.subscribed = false;
      agent.owedResubscribe = true;
    }
  }
}
