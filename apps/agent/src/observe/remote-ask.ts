import type { ClusterState, RemoteAnswer } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { whyNotFollowed } from '../steps/why-not-followed.ts';

/** Asks another remote, as an operator's order wants it of the standby leader, whether it could be followed. */
export class RemoteAsk {
  /** To the last order that this instance was to ask for. */
  answer: RemoteAnswer | null = null;
  #asking: number | null = null;

  constructor(
    readonly local: LocalInstance,
    readonly log: Logger,
    readonly onNews: () => void,
  ) {}

  look(state: ClusterState): void {
    const asked = state.following?.asked;
    if (asked === undefined || asked.by !== this.local.config.instance) return;
    const { at, remote } = asked;
    if (this.answer?.at === at || this.#asking === at || this.local.credentials === null) return;
    this.#asking = at;
    const { local, log } = this;
    const asking = { local, state, log, needCredentials: () => Promise.resolve() };
    void whyNotFollowed(asking, remote)
      .catch(messageOf)
      .then((why) => {
        log.info('asked whether another remote can be followed', { why });
        this.answer = { at, why };
        this.#asking = null;
        this.onNews();
      });
  }
}
