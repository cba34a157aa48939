import {
  type AgentReport,
  admit,
  type ClusterEvent,
  type ClusterObservations,
  type ClusterSettings,
  type ClusterState,
  DEFAULT_SETTINGS,
  decide,
  decideCommand,
  evolve,
  type InstanceObservation,
  type OperatorCommand,
  type PostgresDefinition,
  type RecordedEvent,
  type Remote,
  raisesVersion,
} from '#libs/cluster';
import {
  type Clock,
  clusterName,
  epochMs,
  guardIncarnation,
  instanceName,
  lsnOf,
  monotonicMs,
  timelineId,
} from '#libs/kernel';
import { leaseWaitMs } from '#libs/lease';
import {
  type AgentPattern,
  type AgentPush,
  type ClusterCredentials,
  decode,
  encode,
  type GuardAnswer,
  GuardFrame,
  type GuardRequest,
  PROTOCOL_MAX,
  packGuardAnswer,
  unpackGuardRequest,
} from '#libs/protocol';
import {
  type Authority,
  issueCertificate,
  type PeerConnection,
  PeerServer,
  TlsCredentials,
} from '#libs/transport';

export const CLOCK: Clock = {
  nowMs: () => epochMs(Date.now()),
  monotonicMs: () => monotonicMs(performance.now()),
  bootMs: () => monotonicMs(performance.now()),
};

const NAME = 'c1';
const TICK_MS = 20;
const AGENT = { answer: 61, push: 62 } as const;

type Heard = {
  report: AgentReport | null;
  reportAtMs: number;
  guard: (GuardRequest & { type: 'guardState' | 'renew' }) | null;
  guardAtMs: number;
};

/**
 * A controller without peers: the real rules, events and protocols over real TLS, and a list in memory
 * in the place of the Raft log. It is the peer of what is tested, no part of it.
 */
export class LoneLeader {
  readonly events: RecordedEvent[] = [];
  readonly refused: string[] = [];
  /** What a real controller would have turned down at apply. */
  readonly problems: string[] = [];
  state: ClusterState | null = null;
  #server: PeerServer | null = null;
  readonly #agents = new Map<string, PeerConnection>();
  readonly #guards = new Map<string, PeerConnection>();
  readonly #heard = new Map<string, Heard>();
  #changedAtMs = performance.now();
  #renewedAtMs = performance.now();
  #refusedAtMs: number | null = null;
  /** False: like a leader that nobody ever told where the primary stands. */
  knowsPosition = true;
  #lastKnown: { timeline: number; lsn: bigint; atMs: number } | null = null;
  readonly #beganMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #deciding = false;

  private constructor(
    readonly cluster: string,
    readonly credentials: ClusterCredentials,
  ) {}

  static async listen(authority: Authority, cluster: string, credentials: ClusterCredentials) {
    const leader = new LoneLeader(cluster, credentials);
    const issued = await issueCertificate({
      authority,
      role: 'controller',
      name: NAME,
      hosts: ['127.0.0.1'],
      now: CLOCK.nowMs(),
    });
    const own = await TlsCredentials.load(issued);
    leader.#server = await PeerServer.listen({
      host: '127.0.0.1',
      port: 0,
      security: { kind: 'mutual-tls', credentials: own },
      self: { ...own.identity, memberId: 1, incarnation: NAME },
      clock: CLOCK,
      channels: {
        agent: (connection) => leader.#acceptAgent(connection),
        guard: (connection) => leader.#acceptGuard(connection),
      },
      onRefused: ({ cause }) => leader.refused.push(cause.message),
    });
    leader.#timer = setInterval(() => leader.#decide(), TICK_MS);
    return leader;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** @param standbyOf the cluster follows it, and nobody is granted anything */
  create(
    postgres: PostgresDefinition,
    changed: Partial<ClusterSettings> = {},
    standbyOf?: Remote,
  ): void {
    const settings = { ...DEFAULT_SETTINGS, ...changed };
    const followed = standbyOf === undefined ? {} : { standbyOf };
    this.#record('test', [{ type: 'ClusterCreated', settings, postgres, ...followed }]);
    for (const connection of this.#agents.values()) this.#push(connection, { type: 'resubscribe' });
  }

  command(command: OperatorCommand): ReturnType<typeof decideCommand> {
    const { state } = this;
    if (state === null) throw new Error('there is no cluster');
    const verdict = decideCommand({ state, observations: this.#observations(state) }, command);
    if (verdict.kind === 'decided') this.#record(verdict.decision.rule, verdict.decision.events);
    return verdict;
  }

  report(instance: string): AgentReport | null {
    return this.#heard.get(instance)?.report ?? null;
  }

  /** Heard before, and for so long no more that no rule counts it as there. */
  isSilent(instance: string): boolean {
    const heard = this.#heard.get(instance);
    const limitMs = this.state?.settings.suspectAfterMs ?? 0;
    return heard !== undefined && performance.now() - heard.reportAtMs > limitMs;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#server?.close();
  }

  #decide(): void {
    if (this.#deciding || this.state === null) return;
    this.#deciding = true;
    const protocol = PROTOCOL_MAX;
    const input = { state: this.state, observations: this.#observations(this.state), protocol };
    const decision = decide(input);
    if (decision !== null) this.#record(decision.rule, decision.events);
    this.#deciding = false;
  }

  #record(rule: string, events: readonly ClusterEvent[]): void {
    const recorded: RecordedEvent[] = [];
    for (const event of events) {
      const refusal = admit(this.state, event);
      if (refusal !== null) {
        this.problems.push(`${rule}: ${event.type} not admitted: ${refusal}`);
        return;
      }
      const version = (this.state?.version ?? 0) + (raisesVersion(event) ? 1 : 0);
      const one: RecordedEvent = {
        cluster: clusterName(this.cluster),
        sequence: this.events.length + 1,
        version,
        at: CLOCK.nowMs(),
        cause: { by: 'test', rule },
        event,
      };
      this.events.push(one);
      recorded.push(one);
      this.state = evolve(this.state, one);
      const nowMs = performance.now();
      if (raisesVersion(event)) this.#changedAtMs = nowMs;
      if (event.type === 'ActionRefused') this.#refusedAtMs = nowMs;
      if (event.type === 'LeaseGranted') this.#renewedAtMs = nowMs;
    }
    for (const connection of this.#agents.values()) {
      this.#push(connection, { type: 'events', events: recorded });
    }
    for (const connection of this.#guards.values()) this.#tellGrant(connection);
  }

  #observations(state: ClusterState): ClusterObservations {
    const nowMs = performance.now();
    const instances: Record<string, InstanceObservation> = {};
    for (const [name, heard] of this.#heard) {
      const { report, guard } = heard;
      instances[name] = {
        report,
        reportAgeMs: report === null ? null : nowMs - heard.reportAtMs,
        guard:
          guard === null
            ? null
            : {
                incarnation: guard.incarnation,
                epoch: guard.epoch,
                postmaster: guard.postmaster,
                ageMs: nowMs - heard.guardAtMs,
                agentAbsentMs: guard.type === 'renew' ? guard.agentAbsentMs : 0,
              },
      };
    }
    const silentMs = nowMs - this.#renewedAtMs;
    const known = this.knowsPosition ? this.#lastKnown : null;
    return {
      servingForMs: nowMs - this.#beganMs,
      wallMs: Date.now(),
      sinceChangeMs: nowMs - this.#changedAtMs,
      sinceRefusalMs: this.#refusedAtMs === null ? null : nowMs - this.#refusedAtMs,
      instances,
      lease:
        state.lease.kind === 'Held'
          ? { silentMs, expiryDue: silentMs > leaseWaitMs(state.settings) }
          : null,
      lastKnown:
        known === null
          ? null
          : {
              timeline: timelineId(known.timeline),
              lsn: lsnOf(known.lsn),
              ageMs: Math.round(nowMs - known.atMs),
            },
    };
  }

  #acceptAgent(connection: PeerConnection) {
    const instance = instanceOf(connection);
    this.#agents.set(instance, connection);
    this.#push(connection, { type: 'leader', name: NAME, term: 1 });
    return {
      onFrame: (_type: number, body: Uint8Array) => {
        const [id, pattern, ask] = decode(body) as [number, AgentPattern, unknown];
        connection.send(AGENT.answer, encode([id, null, this.#answer(instance, pattern, ask)]));
      },
      onClose: () => {
        if (this.#agents.get(instance) === connection) this.#agents.delete(instance);
      },
    };
  }

  #answer(instance: string, pattern: AgentPattern, ask: unknown): unknown {
    const version = this.state?.version ?? null;
    const sequence = this.events.length;
    const confirmation = { version, sequence, controllersIncarnation: 'test' };
    switch (pattern) {
      case 'report': {
        const report = ask as AgentReport;
        Object.assign(this.#of(instance), { report, reportAtMs: performance.now() });
        this.#decide();
        return { ...confirmation, version: this.state?.version ?? null };
      }
      case 'confirm':
        return confirmation;
      case 'subscribe':
        return this.#subscribe(instance, (ask as { sequence: number }).sequence);
      case 'permitDestruction':
        return { permitted: true, why: '' };
      case 'parameters':
        return {};
      case 'credentials':
        return this.credentials;
    }
  }

  #subscribe(instance: string, sequence: number): unknown {
    if (this.state === null) return { kind: 'unknownCluster' };
    const connection = this.#agents.get(instance);
    if (connection !== undefined) {
      // With what was recorded since: that was pushed before this, and had to be passed over.
      setImmediate(() =>
        this.#push(connection, { type: 'events', events: this.events.slice(sequence) }),
      );
    }
    return { kind: 'events', from: sequence };
  }

  #acceptGuard(connection: PeerConnection) {
    const instance = instanceOf(connection);
    this.#guards.set(instance, connection);
    this.#sendGuard(connection, { type: 'leader', name: NAME, term: 1 });
    this.#tellGrant(connection);
    return {
      onFrame: (_type: number, body: Uint8Array) => {
        this.#guardAsked(instance, connection, unpackGuardRequest(decode(body)));
      },
      onClose: () => {
        if (this.#guards.get(instance) === connection) this.#guards.delete(instance);
      },
    };
  }

  #guardAsked(instance: string, connection: PeerConnection, request: GuardRequest): void {
    if (request.type !== 'release') {
      Object.assign(this.#of(instance), { guard: request, guardAtMs: performance.now() });
    }
    if (request.type === 'guardState') return;
    const lease = this.state?.lease;
    const { epoch } = request;
    const held = lease?.kind === 'Held' && lease.epoch === epoch && lease.holder === instance;
    if (request.type === 'release') {
      if (held) {
        const position =
          request.position === null
            ? null
            : {
                timeline: timelineId(request.position.timeline),
                lsn: lsnOf(request.position.lsn),
              };
        const { guard } = lease;
        const { reason } = request;
        this.#record('release', [{ type: 'LeaseReleased', epoch, guard, reason, position }]);
      }
      this.#sendGuard(connection, { type: 'released', epoch });
      this.#decide();
      return;
    }
    const { nonce } = request;
    if (!held || lease.guard !== request.incarnation) {
      const reason = 'not the holder';
      this.#sendGuard(connection, { type: 'renewalRefused', epoch, nonce, reason });
      return;
    }
    this.#renewedAtMs = performance.now();
    if (request.position !== null) {
      this.#lastKnown = { ...request.position, atMs: performance.now() };
    }
    this.#sendGuard(connection, { type: 'renewed', epoch, nonce });
  }

  #tellGrant(connection: PeerConnection): void {
    const lease = this.state?.lease;
    if (lease?.kind !== 'Held' || lease.holder !== instanceOf(connection)) return;
    const { leaseTtlMs, renewIntervalMs, stopBudgetMs, guardKillMs } = DEFAULT_SETTINGS;
    this.#sendGuard(connection, {
      type: 'granted',
      epoch: lease.epoch,
      incarnation: guardIncarnation(lease.guard),
      leaseTtlMs,
      renewIntervalMs,
      stopBudgetMs,
      guardKillMs,
    });
  }

  #sendGuard(connection: PeerConnection, answer: GuardAnswer): void {
    connection.send(GuardFrame.answer, encode(packGuardAnswer(answer)));
  }

  #push(connection: PeerConnection, push: AgentPush): void {
    connection.send(AGENT.push, encode(push));
  }

  #of(instance: string): Heard {
    const known = this.#heard.get(instance);
    if (known !== undefined) return known;
    const heard: Heard = { report: null, reportAtMs: 0, guard: null, guardAtMs: 0 };
    this.#heard.set(instance, heard);
    return heard;
  }
}

/** Certificates of agents and guards are named `<cluster>/<instance>`. */
function instanceOf(connection: PeerConnection): string {
  return instanceName(connection.peer.name.split('/')[1] ?? '');
}
