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
const NOBODY: readonly Silence[] = [];

/**
 * Says once that an instance fell silent, and once that it answers again. A host that dies is one line for
 * its guard, which holds a lease, and one for its agent; thousands at once are one line.
 */
export class SilenceWatch {
  #term = 0;
  /** Of each cluster where somebody is. */
  readonly #silent = new Map<string, readonly Silence[]>();
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
    for (const state of states) this.#lookAt(state, ears, now);
    if (this.#silent.size > 0) this.#forgetGone(states);
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

  #lookAt(state: ClusterState, ears: Ears, now: number): void {
    const { name, lease, settings } = state;
    const before = this.#silent.get(name) ?? NOBODY;
    const silent: Silence[] = [];
    const judge = (instance: string, what: Part, silentMs: number, limitMs: number): void => {
      const known = before.find((one) => one.instance === instance && one.what === what);
      if (silentMs <= limitMs) {
        if (known !== undefined) this.#back.add(known);
        return;
      }
      const silence = known ?? { cluster: name, instance, what, sinceMs: now - silentMs };
      if (known === undefined) this.#fell.add(silence);
      silent.push(silence);
    };
    for (const instance of Object.keys(state.members)) {
      const agentMs = ears.reportAgeMs(name, instance) ?? ears.servingForMs;
      judge(instance, 'agent', agentMs, SILENT_AFTER_MS);
    }
    const guardMs = lease.kind === 'Held' ? ears.leaseSilentMs(name) : null;
    // A right lasts for three renewals at least: half of it is more than one that got lost.
    if (lease.kind === 'Held' && guardMs !== null) {
      judge(lease.holder, 'guard', guardMs, settings.leaseTtlMs / 2);
    }
    // A seat, or a lease, that is gone: nobody waits for it.
    if (silent.length > 0) this.#keep(name, before, silent);
    else if (before !== NOBODY) this.#silent.delete(name);
  }

  /** Anew only what changed: where thousands stay silent, a list of each kept every second was half of all that outlived the young heap. */
  #keep(name: string, before: readonly Silence[], silent: readonly Silence[]): void {
    const isAsBefore =
      before.length === silent.length && silent.every((one, at) => one === before[at]);
    if (!isAsBefore) this.#silent.set(name, silent);
  }

  #forgetGone(states: readonly ClusterState[]): void {
    const names = new Set<string>(states.map(({ name }) => name));
    for (const name of this.#silent.keys()) if (!names.has(name)) this.#silent.delete(name);
  }

  get #silentNow(): number {
    return [...this.#silent.values()].flat().length;
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
    this.log.warn('many instances fell silent', { ...summed(some), silentNow: this.#silentNow });
  }

  #crowdIsBack(some: readonly Silence[]): void {
    const counts = { ...summed(some), silentNow: this.#silentNow };
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
