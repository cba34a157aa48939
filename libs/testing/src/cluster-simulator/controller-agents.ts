import { type AgentReport, type ClusterState, goalOf, type RecordedEvent } from '#libs/cluster';
import { missesRenewals, type RoundPace } from '#libs/leader';
import type { Confirmation } from '#libs/protocol';
import type { LogIndex } from '#libs/raft';
import type { Destroying } from './agent-controllers.ts';
import type { AgentLife } from './agent-life.ts';
import { CLUSTER } from './cluster-world.ts';
import type { ControllerLife, LeaderWord } from './controller-life.ts';

const FOUNDING = 'group';

type Asked = { readonly answer: (confirmation: Confirmation) => void };

/** The agents that are connected to a controller: reports, the state they follow, confirmations. */
export class ControllerAgents {
  readonly #agents = new Map<AgentLife, { subscribed: boolean }>();

  constructor(readonly life: ControllerLife) {}

  tellLeader(word: LeaderWord): void {
    for (const agent of this.#agents.keys()) this.#tellLeader(agent, word);
  }

  #tellLeader(agent: AgentLife, word: LeaderWord): void {
    this.#toAgent(agent, () => agent.controllers.leaderNamed(word.name, word.term, this.life));
  }

  tellEvents(events: readonly RecordedEvent[]): void {
    for (const [agent, { subscribed }] of this.#agents) {
      if (subscribed) this.#toAgent(agent, () => agent.controllers.eventsCame(events, this.life));
    }
  }

  /** Over a link that is new: what was said over the one before may be lost. */
  agentConnected(agent: AgentLife): void {
    if (!this.#agents.has(agent)) this.#agents.set(agent, { subscribed: false });
    this.#tellLeader(agent, this.life.leaderWord());
  }

  subscribe(
    agent: AgentLife,
    sequence: number,
    answer: (state: ClusterState | null) => void,
  ): void {
    if (!this.#agents.has(agent)) this.agentConnected(agent);
    this.#agents.set(agent, { subscribed: true });
    const state = this.life.store.cluster(CLUSTER);
    const news = state?.sequence === sequence ? null : state;
    this.#toAgent(agent, () => answer(news));
  }

  report(agent: AgentLife, report: AgentReport, { answer }: Asked): void {
    const { service } = this.life;
    if (!this.#agents.has(agent)) this.agentConnected(agent);
    if (service === null) return;
    const state = this.life.store.cluster(CLUSTER);
    this.life.seat.world.oracle.reportHeard(this.life, report, state);
    service.observations.reported(state, CLUSTER, report, this.life.nowMs());
    this.life.decisions.changed(CLUSTER);
    this.life.schedule();
    const unhurried =
      state !== null &&
      state.operation.kind === 'none' &&
      !this.#missesRenewals(state) &&
      report.actedVersion === state.version;
    this.askConfirmation(agent, { answer }, unhurried ? 'with-the-next-beat' : 'at-once');
  }

  askConfirmation(agent: AgentLife, { answer }: Asked, pace: RoundPace = 'at-once'): void {
    this.#whenConfirmed(pace, () => {
      const state = this.life.store.cluster(CLUSTER);
      const { version = null, sequence = 0 } = state ?? {};
      const primarySuspected = this.#missesRenewals(state);
      const confirmation = { version, sequence, controllersIncarnation: FOUNDING };
      this.#toAgent(agent, () => answer({ ...confirmation, primarySuspected }));
    });
  }

  #missesRenewals(state: ClusterState | null): boolean {
    const { service } = this.life;
    return state !== null && service !== null && missesRenewals(service, state);
  }

  askDestruction(
    agent: AgentLife,
    { step, version }: { readonly step: Destroying; readonly version: number },
    answer: (permitted: boolean) => void,
  ): void {
    this.#whenConfirmed('at-once', () => {
      const state = this.life.store.cluster(CLUSTER);
      const stands = state !== null && state.version === version;
      const goal = stands ? goalOf(state, agent.node.name) : null;
      const asked = goal?.kind === 'detached' && goal.copyAside === true;
      const permitted = step === 'putBack' ? asked : goal?.kind === 'standby';
      this.#toAgent(agent, () => answer(permitted));
    });
  }

  #whenConfirmed(pace: RoundPace, run: () => void): void {
    if (this.life.service === null) return;
    const owner = {
      onConfirmed: (index: LogIndex) => this.life.whenApplied(index, run),
      onUnconfirmed: () => undefined,
    };
    this.life.confirm(owner, pace);
  }

  #toAgent(agent: AgentLife, run: () => void): void {
    const { host } = agent.node;
    this.life.seat.world.network.send(
      this.life.seat.host,
      host,
      () => {
        if (agent.node.agent.life === agent) agent.process.deliver(run);
      },
      () => {
        this.#agents.delete(agent);
        agent.controllers.linkLost(this.life.seat);
      },
    );
  }
}
