import { type ClusterState, slotPolicyOf, wantedUpstreams } from '#libs/cluster';
import { type InstanceName, type Lsn, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { slotNameOf } from '#libs/postgres-model';
import {
  advanceSlot,
  dropIdleSlot,
  ensureLogicalSlot,
  ensurePhysicalSlot,
  fetchWal,
  putSlotState,
  type ReachableInstance,
  type ReplicationSlot,
  readSlotState,
  readSlots,
  SqlSession,
} from '#libs/postgres-run';
import type { GuardKeeper } from '../guard-client/guard-keeper.ts';
import type { LocalInstance } from '../postgres/local-instance.ts';
import type { LocalSessions } from '../postgres/local-sessions.ts';
import { CopiedSlotsFile } from '../state-directory/copied-slots-file.ts';
import { FAST_STOP_MS, SLOTS_INTERVAL_MS, SLOTS_UNMOVED_INTERVAL_MS } from '../timing.ts';
import { CopiedSlots } from './copied-slots.ts';
import { NATIVE_FAILOVER_SLOTS, type SlotAct, slotActs } from './slot-plan.ts';
import { SlotTale } from './slot-tale.ts';
import { wantedSlotsOf } from './wanted-slots.ts';

export type SlotKeeperParts = {
  readonly local: LocalInstance;
  readonly sessions: LocalSessions;
  readonly guard: GuardKeeper;
  readonly log: Logger;
};

/** Keeps the slots of this instance, so that a change of the primary loses none (reference: Patroni 2.4). */
export class SlotKeeper {
  readonly #copied: CopiedSlots;
  readonly #tale: SlotTale;
  readonly #remotes = new Map<InstanceName, SqlSession>();
  #version = -1;
  #keptMs = Number.NEGATIVE_INFINITY;
  #keptAt: Lsn | null = null;

  constructor(readonly parts: SlotKeeperParts) {
    this.#tale = new SlotTale(parts.log);
    this.#copied = new CopiedSlots(new CopiedSlotsFile(parts.local.config.stateDirectory));
  }

  /** Soon after each change of the cluster, else at an interval. */
  async keep(state: ClusterState, seen: ReachableInstance, nowMs: number): Promise<void> {
    // Slots follow the WAL: where none was written there is nothing to move.
    const end = seen.role.kind === 'primary' ? seen.role.writeLsn : seen.role.replayedLsn;
    const waitMs = end === this.#keptAt ? SLOTS_UNMOVED_INTERVAL_MS : SLOTS_INTERVAL_MS;
    if (this.#version === state.version && nowMs < this.#keptMs + waitMs) return;
    this.#keptMs = nowMs;
    const own = this.parts.local.config.instance;
    const { kind: role } = seen.role;
    const primary = state.lease.kind === 'Held' && state.lease.serving ? state.lease.holder : null;
    if (role === 'primary') await this.#dropUnsafe();
    const elsewhere = await this.#elsewhere(state, role, primary);
    const acts = slotActs({
      ...wantedSlotsOf(state, own, role),
      role,
      elsewhere,
      major: seen.version.major,
      policy: slotPolicyOf(state.postgres),
      present: seen.slots,
      replayedLsn: seen.role.kind === 'standby' ? seen.role.replayedLsn : null,
      primarySlot: primary === null ? null : slotNameOf(primary),
    });
    if (elsewhere !== null && role === 'standby') {
      this.#copied.look(seen.slots, elsewhere, slotNameOf(own));
    }
    for (const act of acts) await this.#tried(act, state, seen);
    if (primary !== null && elsewhere !== null && role === 'standby') {
      await this.#copy(acts, state, primary, elsewhere);
    }
    this.#version = state.version;
    this.#keptAt = end;
  }

  close(): void {
    for (const session of this.#remotes.values()) session.close();
    this.#remotes.clear();
  }

  /** One that cannot be done (a database that is not there yet) holds up no other. */
  async #tried(act: SlotAct, state: ClusterState, seen: ReachableInstance): Promise<void> {
    try {
      await this.#do(act, state, seen);
      // What is copied is copied after all the others.
      if (act.kind !== 'copyLogical') this.#tale.done(act);
    } catch (error) {
      this.#tale.failed(act, error);
    }
  }

  async #do(act: SlotAct, { postgres }: ClusterState, seen: ReachableInstance): Promise<void> {
    const { steps } = this.parts.sessions;
    switch (act.kind) {
      case 'createPhysical':
        await ensurePhysicalSlot(steps, act.name);
        return;
      case 'createLogical': {
        const { name, plugin } = act;
        const failover = seen.version.major >= NATIVE_FAILOVER_SLOTS;
        await this.#in(act.database, postgres.superuser, (session) =>
          ensureLogicalSlot(session, { name, plugin, failover }),
        );
        return;
      }
      case 'drop':
        await dropIdleSlot(steps, act.name);
        return;
      case 'advance': {
        const { name, database, to } = act;
        if (database === null) await advanceSlot(steps, name, to);
        else await this.#in(database, postgres.superuser, (one) => advanceSlot(one, name, to));
        return;
      }
      case 'copyLogical':
        return;
    }
  }

  async #in(database: string, superuser: string, work: (session: SqlSession) => Promise<void>) {
    const session = new SqlSession({ ...this.parts.local.target(superuser), database });
    try {
      await work(session);
    } finally {
      session.close();
    }
  }

  /** All at once, since each costs the standby a restart; never while the primary is being changed. */
  async #copy(
    acts: readonly SlotAct[],
    { operation, members }: ClusterState,
    primary: InstanceName,
    theirs: ReadonlyMap<string, ReplicationSlot>,
  ): Promise<void> {
    const names = acts.flatMap((act) => (act.kind === 'copyLogical' ? [act.name] : []));
    const member = members[primary];
    if (names.length === 0 || operation.kind !== 'none' || member === undefined) return;
    const { local, guard, log } = this.parts;
    const session = this.#remote(member);
    const copied: string[] = [];
    for (const name of names) {
      const from = theirs.get(name)?.restartLsn;
      if (from === undefined) continue;
      try {
        await fetchWal(session, local.dataDirectory, from);
        putSlotState(local.dataDirectory, name, await readSlotState(session, name));
      } catch (error) {
        this.#tale.failed({ kind: 'copyLogical', name }, error);
        continue;
      }
      this.#tale.done({ kind: 'copyLogical', name });
      this.#copied.copied(name);
      copied.push(name);
    }
    if (copied.length === 0) return;
    log.info('logical slots copied: PostgreSQL is restarted to take them', { slots: copied });
    await guard.ask({ type: 'stop', mode: 'fast', budgetMs: FAST_STOP_MS }, FAST_STOP_MS * 2);
  }

  /** A promotion hands on no slot whose consumer could miss something. */
  async #dropUnsafe(): Promise<void> {
    for (const name of this.#copied.unsafe) {
      if (!(await dropIdleSlot(this.parts.sessions.steps, name))) continue;
      this.parts.log.warn('slot was not safe to use yet: made anew', { slot: name });
    }
    this.#copied.own();
  }

  async #elsewhere(
    state: ClusterState,
    role: 'primary' | 'standby',
    primary: InstanceName | null,
  ): Promise<ReadonlyMap<string, ReplicationSlot> | null> {
    const ready = state.readyUpstreams ?? [];
    const asked =
      role === 'primary'
        ? wantedUpstreams(state).filter((name) => ready.includes(name))
        : primary === null
          ? []
          : [primary];
    if (asked.length === 0 || this.parts.local.credentials === null) return null;
    const found = new Map<string, ReplicationSlot>();
    for (const name of asked) {
      const member = state.members[name];
      if (member === undefined) continue;
      try {
        for (const slot of await readSlots(this.#remote(member))) {
          // Of its followers alone: its other slots only repeat what the primary has.
          if (role === 'standby' || slot.active) found.set(slot.name, slot);
        }
      } catch (error) {
        this.parts.log.debug('slots not read', { from: name, why: messageOf(error) });
        return null;
      }
    }
    return found;
  }

  #remote(member: ClusterState['members'][string]): SqlSession {
    const known = this.#remotes.get(member.name);
    const target = this.parts.local.remote(member);
    const same = known?.target.host === target.host && known.target.port === target.port;
    if (known !== undefined && same && known.target.user === target.user) return known;
    known?.close();
    const session = new SqlSession(target);
    this.#remotes.set(member.name, session);
    return session;
  }
}
