import type { ClusterState } from '#libs/cluster';
import type { Logger } from '#libs/observability';
import type { GuardKeeper } from '../guard-client/guard-keeper.ts';
import type { Confirmations } from '../link/confirmations.ts';
import type { Observer } from '../observe/observer.ts';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { serverOfOthers } from './server-of-others.ts';
import { TakeOver } from './take-over.ts';

export type TakeOverSubject = {
  readonly local: LocalInstance;
  readonly stream: { readonly state: ClusterState | null };
  readonly confirmations: Confirmations;
  readonly observer: Observer;
  readonly guard: GuardKeeper;
  readonly log: Logger;
};

/** The take-over of an agent, with its guard and what it knows of the cluster. */
export function agentsTakeOver(subject: TakeOverSubject): TakeOver {
  const { local, stream, confirmations, observer, guard, log } = subject;
  return new TakeOver({
    instance: local.config.instance,
    state: () => stream.state,
    isConfirmed: ({ sequence }) => confirmations.isSure(sequence),
    snapshot: () => observer.latest,
    serverAt: (pid) => serverOfOthers(local, pid),
    onEnded: () => guard.launchSoon(),
    log,
  });
}
