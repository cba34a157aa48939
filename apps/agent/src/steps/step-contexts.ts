import type { ClusterState } from '#libs/cluster';
import { codeOf, type Epoch, messageOf } from '#libs/kernel';
import { type ActedMemory, promiseDetached } from '#libs/reconcile';
import type { Controllers } from '../link/controllers.ts';
import type { LocalSessions } from '../postgres/local-sessions.ts';
import type { ActedMemoryFile } from '../state-directory/acted-memory-file.ts';
import type { StepRunner } from '../step-runner.ts';
import { LEADER_ANSWER_MS, RELEASE_MS } from '../timing.ts';
import type { Destroying, DestructionOrder, StepContext } from './step-context.ts';
import { NotPermittedError, NotYetError } from './step-error.ts';

export type StepContextParts = Pick<
  StepContext,
  'local' | 'guard' | 'observer' | 'facts' | 'desk' | 'hooks' | 'log'
> & {
  readonly sessions: LocalSessions;
  readonly memory: ActedMemoryFile;
  readonly controllers: Controllers;
  readonly runner: StepRunner;
  readonly reportNow: () => void;
  /** What is folded by now: a copy of hours outlives the version that it was begun on. */
  readonly currentState: () => ClusterState | null;
  /** What was promised to a primary while no controller answered (safety 11). */
  readonly promised: () => { readonly epoch: number } | null;
};

/** Makes what a step works with, and does for it what needs the leader. */
export class StepContexts {
  #fetching = false;

  constructor(readonly parts: StepContextParts) {}

  make(state: ClusterState, signal: AbortSignal): StepContext {
    const { local, guard, observer, facts, desk, hooks, log } = this.parts;
    const { sessions, runner, reportNow } = this.parts;
    return {
      ...{ local, guard, observer, facts, desk, hooks, log, state, signal },
      sql: sessions.steps,
      looks: sessions.looks,
      leaveSessions: () => sessions.leave(),
      setActivity: (activity) => {
        runner.activity = activity;
      },
      promiseDetached: (throughEpoch) => this.#promiseDetached(throughEpoch),
      permitDestruction: (step, order) => this.#permitDestruction(step, order),
      needCredentials: () => this.#needCredentials(),
      reportNow: async () => {
        observer.look();
        reportNow();
      },
      runInBackground: (what, work) => {
        work().catch((error: unknown) => {
          log.warn('background work failed', { what, why: messageOf(error) });
        });
      },
    };
  }

  /** Asks ahead of the first step that needs them. */
  fetchCredentials(): void {
    const { local, controllers, log } = this.parts;
    if (local.credentials !== null || this.#fetching || controllers.leader === null) return;
    this.#fetching = true;
    this.#needCredentials()
      .catch((error: unknown) => {
        log.debug('no credentials yet', { code: codeOf(error), why: messageOf(error) });
      })
      .finally(() => {
        this.#fetching = false;
      });
  }

  #promiseDetached(throughEpoch: Epoch): ActedMemory {
    const { memory, promised } = this.parts;
    const given = promised();
    if (given !== null && throughEpoch >= given.epoch) {
      throw new NotYetError(`promised the primary of epoch ${given.epoch} to stay with it`);
    }
    memory.keep(promiseDetached(memory.memory, throughEpoch));
    return memory.memory;
  }

  async #permitDestruction(step: Destroying, order: DestructionOrder): Promise<void> {
    const { controllers, guard, currentState } = this.parts;
    const ask = { step, version: currentState()?.version ?? 0, ...order };
    const answer = await controllers.askLeader('permitDestruction', ask, LEADER_ANSWER_MS);
    if (!answer.permitted) {
      const why = `the leader does not permit '${step}': ${answer.why}`;
      throw new NotPermittedError(why, answer.inPlace === true);
    }
    await guard.ask({ type: 'permitDestruction', step }, RELEASE_MS);
  }

  async #needCredentials(): Promise<void> {
    const { local, controllers } = this.parts;
    if (local.credentials !== null) return;
    local.learnCredentials(await controllers.askLeader('credentials', {}, LEADER_ANSWER_MS));
  }
}
