import type { Goal } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import type { Logger } from '#libs/observability';
import type { Installation, SqlTarget } from '#libs/postgres-run';
import type { GuardKeeper } from '../guard-client/guard-keeper.ts';
import type { Pace } from '../pace.ts';
import type { LocalInstance } from '../postgres/local-instance.ts';
import type { LocalSessions } from '../postgres/local-sessions.ts';
import { Observer } from './observer.ts';

export type ObserverSubject = {
  readonly config: AgentConfig;
  readonly installation: Installation;
  readonly log: Logger;
  readonly local: LocalInstance;
  readonly sessions: LocalSessions;
  readonly guard: GuardKeeper;
  readonly pace: () => Pace;
  readonly goal: () => Goal | null;
  readonly onLook: () => void;
};

/** The observer of an agent, with what the agent knows of the cluster. */
export function agentsObserver(subject: ObserverSubject): Observer {
  const { config, installation, log, local, sessions, guard, pace, goal, onLook } = subject;
  const upstream = () => upstreamTarget(goal(), local);
  return new Observer(config, installation, sessions, guard, log, onLook, pace, upstream);
}

/** Whom the standby should stream from; null while that is nobody, or we have no password for it. */
export function upstreamTarget(goal: Goal | null, local: LocalInstance): SqlTarget | null {
  if (goal?.kind !== 'standby' || goal.archiveOnly === true) return null;
  if (local.credentials === null || goal.upstream === null) return null;
  return local.remote(goal.upstream);
}
