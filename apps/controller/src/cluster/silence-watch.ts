import { SILENT_AFTER_MS } from '#libs/api';
import type { ClusterState } from '#libs/cluster';
import type { Service } from '#libs/leader';
import type { Log } from '../log.ts';

/** What is asked of the leader's ears; ages are of its present service. */
export type Ears = {
  readonly term: number;
  /** Null: its agent has not reported to this leader. */
  readonly reportAgeMs: (cluster: string, instance: string) => number | null;
  readonly servingForMs: number;
  /** Of the guard that holds the lease; null where none is held. */
  readonly leaseSilentMs: (cluster: string) => number | null;
};

export function earsOf({ term, leases, observations }: Service): Ears {
  return {
    ...{ term, servingForMs: observations.servingForMs },
    reportAgeMs: (cluster, instance) => observations.reportAgeMs(cluster, instance),
    leaseSilentMs: (cluster) => leases.silentMs(cluster),
  };
}

type Part = 'agent' | 'guard';
type Silence = {
  readonly cluster: string;
  readonly instance: string;
  readonly what: Part;
  readonly sinceMs: number;
};

/** Lines that one kind of news gets in a minute; what comes beyond them is counted. */
const LINES_MAX = 10;
const WINDOW_MS = 60_000;
const EXAMPLES_MAX = 5;

/**
 * Says once that an instance fell silent, and once that it answers again. A host that dies is one line for
 * its guard, which holds a lease, and one for its agent; thousands at once are one line.
 */
export class SilenceWatch {
  #term = 0;
  readonly #silent = new Map<string, Silence>();
  readonly #fell = new Tellings();
  readonly #back = new Tellings();

  constructor(
    readonly log: Log,
    readonly nowMs: () => number,
  ) {}

  look(ears: Ears, states: readonly ClusterState[]): void {
    const now = this.nowMs();
    // Ages begin anew with each leader, and so does what it has said.
    if (ears.term !== this.#term) this.#silent.clear();
    this.#term = ears.term;
    const unseen = new Set(this.#silent.keys());
    for (const state of states) {
      const { lease, settings } = state;
      for (const instance of Object.keys(state.members)) {
        const agentMs = ears.reportAgeMs(state.name, instance) ?? ears.servingForMs;
        this.#judge(state.name, instance, 'agent', agentMs, SILENT_AFTER_MS, now, unseen);
      }
      const guardMs = lease.kind === 'Held' ? ears.leaseSilentMs(state.name) : null;
      // A right lasts for three renewals at least: half of it is more than one that got lost.
      const limitMs = settings.leaseTtlMs / 2;
      if (lease.kind === 'Held' && guardMs !== null) {
        this.#judge(state.name, lease.holder, 'guard', guardMs, limitMs, now, unseen);
      }
    }
    // Its seat, or its lease, is gone: nobody waits for it.
    for (const key of unseen) this.#silent.delete(key);
    this.#fell.tell(
      now,
      (one) => this.#tellFallen(one, now),
      (some) => this.#crowdFell(some),
    );
    this.#back.tell(
      now,
      (one) => this.#tellBack(one, now),
      (some) => this.#crowdIsBack(some),
    );
  }

  #judge(
    cluster: string,
    instance: string,
    what: Part,
    silentMs: number,
    limitMs: number,
    now: number,
    unseen: Set<string>,
  ): void {
    const key = `${cluster}/${instance} ${what}`;
    unseen.delete(key);
    const known = this.#silent.get(key);
    const isSilent = silentMs > limitMs;
    if (isSilent && known === undefined) {
      const silence = { cluster, instance, what, sinceMs: now - silentMs };
      this.#silent.set(key, silence);
      this.#fell.add(silence);
    } else if (!isSilent && known !== undefined) {
      this.#silent.delete(key);
      this.#back.add(known);
    }
  }

  #tellFallen({ cluster, instance, what, sinceMs }: Silence, now: number): void {
    const silentMs = Math.round(now - sinceMs);
    this.log.warn('instance fell silent', { cluster, instance, what, silentMs });
  }

  #tellBack({ cluster, instance, what, sinceMs }: Silence, now: number): void {
    const silentMs = Math.round(now - sinceMs);
    this.log.info('instance answers again', { cluster, instance, what, silentMs });
  }

  #crowdFell(some: readonly Silence[]): void {
    this.log.warn('many instances fell silent', { ...summed(some), silentNow: this.#silent.size });
  }

  #crowdIsBack(some: readonly Silence[]): void {
    const counts = { ...summed(some), silentNow: this.#silent.size };
    this.log.info('many instances answer again', counts);
  }
}

function summed(some: readonly Silence[]) {
  const agents = some.filter(({ what }) => what === 'agent').length;
  const examples = some.slice(0, EXAMPLES_MAX).map(({ cluster, instance }) => {
    return `${cluster}/${instance}`;
  });
  return { agents, guards: some.length - agents, examples };
}

/** Lines one by one as long as they are few; then one for many, and not sooner than in a minute again. */
class Tellings {
  #waiting: Silence[] = [];
  #windowFromMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #crowdToldMs = Number.NEGATIVE_INFINITY;

  add(silence: Silence): void {
    this.#waiting.push(silence);
  }

  tell(now: number, one: (silence: Silence) => void, many: (some: Silence[]) => void): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    if (now - this.#windowFromMs >= WINDOW_MS) {
      this.#windowFromMs = now;
      this.#lines = 0;
    }
    if (this.#lines + waiting.length <= LINES_MAX) {
      this.#lines += waiting.length;
      for (const silence of waiting) one(silence);
    } else if (now - this.#crowdToldMs >= WINDOW_MS) {
      this.#crowdToldMs = now;
      many(waiting);
    } else {
      return;
    }
    this.#waiting = [];
  }
}
