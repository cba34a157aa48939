import type { ClusterState } from '#libs/cluster';
import type { AgentConfig, CallbackName, HookName } from '#libs/config';
import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Snapshot } from '../observe/snapshot.ts';
import { Callbacks } from './callbacks.ts';
import type { HookCall, HookRole } from './hook-command.ts';
import { RoleWatch, type Seen } from './role-watch.ts';
import { runHook } from './run-hook.ts';

/** The operator's own programs around what the agent does. */
export class Hooks {
  readonly #watch = new RoleWatch();
  readonly #callbacks: Callbacks;
  #role: HookRole = 'replica';

  constructor(
    readonly config: AgentConfig,
    readonly log: Logger,
  ) {
    this.#callbacks = new Callbacks(config.hooks.limitsMs.callback, log);
  }

  /** After each look: tells callbacks what happened since the one before. */
  looked(snapshot: Snapshot | null, state: ClusterState | null): void {
    const seen = seenIn(snapshot, state, this.config.instance);
    if (seen === null) return;
    if (seen.kind === 'running') this.#role = seen.role;
    const restartOrdered = state?.restart?.current?.instance === this.config.instance;
    const happened = this.#watch.look(seen, restartOrdered);
    if (happened !== null) this.#tell(happened.name, happened.role);
  }

  reloaded(): void {
    this.#tell('onReload', this.#role);
  }

  /** Null when it is not set or ended well; else why it did not. */
  async prePromote(epoch: number, signal: AbortSignal): Promise<string | null> {
    return this.#ask('prePromote', { epoch }, signal);
  }

  /** What it says is logged, and changes nothing. */
  async beforeStop(signal?: AbortSignal): Promise<void> {
    await this.#ask('beforeStop', {}, signal);
  }

  /** Null when it is not set or ended well; else why it did not. */
  async postBootstrap(connection: string, signal: AbortSignal): Promise<string | null> {
    return this.#ask('postBootstrap', { arguments: [connection] }, signal);
  }

  close(): void {
    this.#callbacks.close();
  }

  async #ask(
    name: HookName,
    more: Partial<HookCall>,
    signal?: AbortSignal,
  ): Promise<string | null> {
    const call = this.#callOf(name, this.#role, more);
    if (call === null) return null;
    const timeoutMs = this.config.hooks.limitsMs[name];
    try {
      await runHook(call, this.log, { timeoutMs, ...(signal && { signal }) });
      return null;
    } catch (error) {
      const why = messageOf(error);
      this.log.warn('hook failed', { hook: name, code: codeOf(error), why });
      return why;
    }
  }

  #tell(name: CallbackName, role: HookRole): void {
    const call = this.#callOf(name, role, {});
    if (call !== null) this.#callbacks.call(call);
  }

  #callOf(name: CallbackName | HookName, role: HookRole, more: Partial<HookCall>): HookCall | null {
    const { cluster, instance, postgres, hooks } = this.config;
    const argv = hooks.commands[name];
    if (argv === undefined) return null;
    const { dataDirectory, listen } = postgres;
    const place = { cluster, instance, dataDirectory, port: listen.port };
    return { name, argv, role, ...place, epoch: null, ...more };
  }
}

/** Null while it starts, stops, or does not answer: what it is then is not known. */
function seenIn(snapshot: Snapshot | null, state: ClusterState | null, own: string): Seen | null {
  if (snapshot?.guard == null) return null;
  const { guard, sql } = snapshot;
  if (guard.postmaster === 'down') return { kind: 'down' };
  if (guard.postmaster !== 'running' || sql?.kind !== 'reachable') return null;
  const standby = state?.following?.leader === own ? 'standby_leader' : 'replica';
  const role = sql.role.kind === 'primary' ? 'primary' : standby;
  return { kind: 'running', role, postmasterStartedAt: sql.postmasterStartedAt };
}
