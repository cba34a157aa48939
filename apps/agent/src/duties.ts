import type { ClusterState, RemoteAnswer, TimelineRecord } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { SoleStarter } from './adopt/sole-starter.ts';
import { ArchiveWatch } from './archive/archive-watch.ts';
import { LastWal } from './archive/last-wal.ts';
import { TimelineGaps } from './archive/timeline-gaps.ts';
import type { GuardKeeper } from './guard-client/guard-keeper.ts';
import type { Hooks } from './hooks/hooks.ts';
import type { Observer } from './observe/observer.ts';
import { RemoteAsk } from './observe/remote-ask.ts';
import { RemoteLine } from './observe/remote-line.ts';
import type { Snapshot } from './observe/snapshot.ts';
import { StreamRefusal } from './observe/stream-refusal.ts';
import { ConfigurationWatch, isOurs } from './postgres/configuration-watch.ts';
import type { LocalInstance } from './postgres/local-instance.ts';
import type { LocalSessions } from './postgres/local-sessions.ts';
import { RoleWatch } from './postgres/own-roles.ts';
import type { AsideCopy } from './rebuild/aside-copy.ts';
import type { RebuildDesk } from './rebuild/rebuild-desk.ts';
import { Repeats } from './repeats.ts';
import { SlotKeeper } from './slots/slot-keeper.ts';
import type { OwnFacts } from './steps/step-context.ts';
import { SenderWatch } from './synchronous/sender-watch.ts';

export type DutyParts = {
  readonly local: LocalInstance;
  readonly guard: GuardKeeper;
  readonly observer: Observer;
  readonly sessions: LocalSessions;
  readonly desk: RebuildDesk;
  readonly aside: AsideCopy;
  readonly facts: OwnFacts;
  readonly hooks: Hooks;
  readonly log: Logger;
  /** The leader is to hear of it at once. */
  readonly onNews: () => void;
};

/** What is kept up beside the steps: configuration, slots for new members, the copy aside. */
export class Duties {
  readonly #configuration: ConfigurationWatch;
  readonly #repeats = new Repeats();
  readonly #slots: SlotKeeper;
  readonly #remoteLine: RemoteLine;
  readonly #remoteAsk: RemoteAsk;
  readonly #timelineGaps: TimelineGaps;
  readonly #lastWal: LastWal;
  readonly #archiveWatch: ArchiveWatch;
  readonly #streamRefusal: StreamRefusal;
  readonly #roles: RoleWatch;
  readonly #senders: SenderWatch;
  readonly #soleStarter: SoleStarter;
  #busy = false;

  constructor(readonly parts: DutyParts) {
    this.#configuration = new ConfigurationWatch(parts.local, parts.log);
    this.#slots = new SlotKeeper(parts);
    this.#remoteLine = new RemoteLine(parts.local, parts.log);
    this.#remoteAsk = new RemoteAsk(parts.local, parts.log, parts.onNews);
    this.#timelineGaps = new TimelineGaps(parts.local, parts.log);
    this.#lastWal = new LastWal(parts.local, parts.log);
    this.#archiveWatch = new ArchiveWatch(parts.local);
    this.#streamRefusal = new StreamRefusal(parts.local);
    this.#roles = new RoleWatch(parts.log);
    const { instance, postgres } = parts.local.config;
    this.#soleStarter = new SoleStarter(postgres.dataDirectory, parts.log);
    this.#senders = new SenderWatch(instance, () => parts.sessions.steps, parts.log);
  }

  close(): void {
    this.#slots.close();
    this.parts.hooks.close();
  }

  /** What of it does not succeed, in words. */
  get problem(): string | null {
    const duties = [this.#streamRefusal, this.#lastWal, this.#archiveWatch, this.#configuration];
    const problems = [...duties, this.#senders];
    return problems.find(({ problem }) => problem !== null)?.problem ?? null;
  }

  /** Of a standby leader that does not stream; null otherwise. */
  remoteLine(state: ClusterState, snapshot: Snapshot): readonly TimelineRecord[] | null {
    this.#remoteLine.look(state, snapshot, performance.now());
    this.#remoteAsk.look(state);
    return this.#remoteLine.line;
  }

  /** Whether another remote can be followed, as the last order wanted it asked; null: none did. */
  get answers(): { readonly remoteAnswer: RemoteAnswer | null } {
    return { remoteAnswer: this.#remoteAsk.answer };
  }

  /** Walsenders under a member's name that come from elsewhere, by their process ids. */
  foreignSenders(state: ClusterState | null): ReadonlySet<number> {
    return this.#senders.foreign(state, this.parts.observer.latest?.sql ?? null);
  }

  /** The position rides in the guard's renewals, so that a new leader knows it too (safety 18). */
  tellPosition(): void {
    const { observer, guard } = this.parts;
    const sql = observer.latest?.sql;
    if (sql?.kind !== 'reachable' || sql.role.kind !== 'primary') return;
    guard.tellPosition(sql.role.timeline, sql.role.writeLsn);
  }

  /** To be called while no step runs. */
  keepUp(state: ClusterState): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#keepUp(state)
      .catch((error: unknown) => {
        const why = messageOf(error);
        if (this.#repeats.isNews(why)) this.parts.log.warn('duty failed', { why });
      })
      .finally(() => {
        this.#busy = false;
      });
  }

  async #keepUp(state: ClusterState): Promise<void> {
    const { local, observer, desk, aside, facts, hooks, sessions } = this.parts;
    const seen = observer.latest?.sql;
    if (this.#isTakenOver(state)) this.#soleStarter.look(performance.now());
    if (local.credentials !== null) {
      const { instance } = local.config;
      const directory = observer.latest?.directory ?? null;
      const others = (observer.latest?.others ?? observer.latest?.foreignPid ?? null) !== null;
      const settings = seen?.kind === 'reachable' ? seen.settings : null;
      const found = { instance, clients: !facts.clientsKeptOut, directory, others, settings };
      const written = this.#configuration.look(state, found, performance.now());
      if (written && seen?.kind === 'reachable') hooks.reloaded();
    }
    if (seen?.kind !== 'reachable') return;
    local.lastGood.served();
    this.#timelineGaps.look(state, seen, performance.now());
    this.#lastWal.look(state, seen, performance.now());
    this.#archiveWatch.look(state, seen.role.kind, performance.now());
    this.#streamRefusal.look(state, seen, performance.now());
    const { config, credentials } = local;
    const asked = { instance: config.instance, credentials, sql: sessions.steps };
    await this.#roles.look(state, asked, performance.now());
    await this.#senders.look(state, seen, performance.now());
    await this.#slots.keep(state, seen, performance.now());
    if (seen.role.kind === 'primary') return;
    const proved = desk.rebuiltOrder === null || desk.streams;
    if (proved && seen.role.receiver?.status === 'streaming') aside.remove();
  }
  /** Its data is the cluster's, and a guard of ours has it. */
  #isTakenOver(state: ClusterState): boolean {
    const { latest } = this.parts.observer;
    if (latest === null || latest.guard === null || latest.others !== null) return false;
    return isOurs(state, latest.directory);
  }
}
