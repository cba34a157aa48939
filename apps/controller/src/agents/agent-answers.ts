import {
  type AgentReport,
  type ClusterState,
  calmMsOf,
  type Goal,
  goalOf,
  whyNotInPlace,
} from '#libs/cluster';
import { credentialsKey } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import {
  type DecisionLoop,
  type GuardIdentity,
  missesRenewals,
  type ParameterCatalogs,
  type RoundPace,
  type Service,
} from '#libs/leader';
import {
  type AgentPatterns,
  type ClusterCredentials,
  type Confirmation,
  decode,
} from '#libs/protocol';
import type { RaftHost } from '../raft-host/raft-host.ts';
import type { StateReader } from '../raft-host/state-reader.ts';
import type { AgentConnection } from './agent-connection.ts';

class NotLeaderError extends DomainError {
  readonly code = 'NOT_LEADER';

  constructor(readonly leader: string | null) {
    super(leader === null ? 'no controller leads at the moment' : `controller '${leader}' leads`);
  }
}

class UnknownCredentialsError extends DomainError {
  readonly code = 'NOT_FOUND';

  constructor(cluster: string) {
    super(`no credentials are stored for cluster '${cluster}' (yet)`);
  }
}

export type AgentAnswersOptions = {
  readonly host: RaftHost;
  readonly reader: StateReader;
  readonly decisions: DecisionLoop;
  readonly service: () => Service | null;
  readonly catalogs: ParameterCatalogs;
  readonly leaderName: () => string | null;
  /** Of the controllers that the founders made; a restoration replicates another. */
  readonly foundingIncarnation: string;
};

type Destruction = AgentPatterns['permitDestruction'];
type Ask<P extends keyof AgentPatterns> = AgentPatterns[P]['ask'];

/** What agents ask of the leader. Everything is answered after a round begun after the question. */
export class AgentAnswers {
  readonly #options: AgentAnswersOptions;

  constructor(options: AgentAnswersOptions) {
    this.#options = options;
  }

  /** @throws NameTakenError when another agent is this instance */
  report(from: AgentConnection, report: AgentReport): Promise<Confirmation> {
    const { host, decisions } = this.#options;
    const service = this.#serving();
    const { cluster, instance } = from.identity;
    const state = host.store.cluster(cluster);
    service.names.claim(state, from.identity, report, from.bearer, host.nowMs());
    service.observations.reported(state, cluster, { ...report, instance }, host.nowMs());
    decisions.changed(cluster);
    host.schedule();
    return this.confirm(from, this.#isUnhurried(state, report) ? 'with-the-next-beat' : 'at-once');
  }

  /** Without it an agent takes no step. @throws NameTakenError when another agent is this instance */
  async confirm(from: AgentConnection, pace: RoundPace = 'at-once'): Promise<Confirmation> {
    const { host, foundingIncarnation } = this.#options;
    const { cluster } = from.identity;
    this.#serving().names.check(from.identity, from.bearer);
    await this.confirmed(pace);
    const state = host.store.cluster(cluster);
    const { version = null, sequence = 0 } = state ?? {};
    const controllersIncarnation = host.store.incarnation ?? foundingIncarnation;
    const { protocol } = host.store;
    const calmMs = state === null ? 0 : calmMsOf(state.settings);
    const answer = { version, sequence, controllersIncarnation, protocol, calmMs };
    return this.#missesRenewals(state) ? { ...answer, primarySuspected: true } : answer;
  }

  /** Refused unless the order still stands: this very version still asks for it (safety 4). */
  async permitDestruction(
    from: AgentConnection,
    ask: Destruction['ask'],
  ): Promise<Destruction['answer']> {
    const { cluster, instance } = from.identity;
    const service = this.#serving();
    service.names.check(from.identity, from.bearer);
    await this.confirmed();
    const state = this.#options.host.store.cluster(cluster);
    if (state === null) return { permitted: false, why: `cluster '${cluster}' is not known` };
    if (state.restored?.confirmed === false) {
      const why = 'the controllers were restored, and no operator has confirmed the state yet';
      return { permitted: false, why };
    }
    if (state.version !== ask.version) {
      const why = `version ${ask.version} was asked for, ${state.version} stands`;
      return { permitted: false, why };
    }
    const goal = goalOf(state, instance);
    if (!asksFor(goal, ask.step)) return { permitted: false, why: `its goal is '${goal.kind}'` };
    const order = goal.kind === 'standby' ? (goal.rebuild?.order ?? null) : null;
    if (ask.order !== undefined && ask.order !== order) {
      const why = `rebuild order ${ask.order} was asked for, ${order ?? 'none'} stands`;
      return { permitted: false, why };
    }
    const refusal = ask.inPlace === true ? inPlaceRefusal(service, state, instance) : null;
    if (refusal !== null) return { permitted: false, why: refusal, inPlace: true };
    return { permitted: true, why: `version ${state.version} asks for it` };
  }

  /** Kept in memory while this controller leads; agents tell the next leader again. */
  parameters(
    { cluster, instance }: GuardIdentity,
    entries: Ask<'parameters'>['entries'],
  ): AgentPatterns['parameters']['answer'] {
    this.#serving();
    this.#options.catalogs.learn(cluster, instance, entries);
    return {};
  }

  async credentials({ cluster }: GuardIdentity): Promise<ClusterCredentials> {
    this.#serving();
    await this.confirmed();
    const stored = await this.#options.reader.get(credentialsKey(cluster));
    if (stored === null) throw new UnknownCredentialsError(cluster);
    return decode(stored) as ClusterCredentials;
  }

  /** Resolves once leadership is proved and everything committed by then is applied here. */
  confirmed(pace: RoundPace = 'at-once'): Promise<void> {
    const { host, leaderName } = this.#options;
    return new Promise((resolve, reject) => {
      host.confirm(
        {
          onConfirmed: (readIndex) => host.applies.whenApplied(readIndex, resolve),
          onUnconfirmed: () => reject(new NotLeaderError(leaderName())),
        },
        pace,
      );
    });
  }

  /** Nothing is under way, the agent knows all there is, and nobody is missed: its answer brings no news. */
  #isUnhurried(state: ClusterState | null, report: AgentReport): boolean {
    if (state === null || state.operation.kind !== 'none' || this.#missesRenewals(state))
      return false;
    return report.actedVersion === state.version;
  }

  /** A call too many costs little. */
  #missesRenewals(state: ClusterState | null): boolean {
    const service = this.#options.service();
    return state !== null && service !== null && missesRenewals(service, state);
  }

  #serving(): Service {
    const service = this.#options.service();
    if (service === null) throw new NotLeaderError(this.#options.leaderName());
    return service;
  }
}

function asksFor(goal: Goal, step: Destruction['ask']['step']): boolean {
  if (step === 'putBack') return goal.kind === 'detached' && goal.copyAside === true;
  return goal.kind === 'standby' || (goal.kind === 'initialise' && step === 'remove');
}

function inPlaceRefusal(
  service: Service,
  state: ClusterState,
  instance: GuardIdentity['instance'],
): string | null {
  const observations = service.observations.of(state.name, service.leaseOf(state));
  return whyNotInPlace({ state, observations }, instance);
}
