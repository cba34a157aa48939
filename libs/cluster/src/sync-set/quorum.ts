/**
 * The arithmetic of synchronous standbys (safety 2). PostgreSQL runs a setting (Sp, kp): a commit is
 * acknowledged once kp of Sp have flushed it. A failover relies on a set (Sc, kc): it detaches
 * |Sc| - kc + 1 members of it, and the furthest of those takes over. Both are needed: that one of the
 * detached has every acknowledged commit, and that none can be acknowledged any more.
 */

/** `count` of `names`: replication names, each unique to one data directory (safety 14). */
export type Quorum = { readonly names: readonly string[]; readonly count: number };

/** What the primary's PostgreSQL is told to wait for. `names` in order of preference. */
export type SyncSetting = Quorum & { readonly method: 'first' | 'any' };

/** Commits wait for nobody. */
export const ALONE: SyncSetting = { method: 'first', names: [], count: 0 };
/** Commits wait, and nobody can complete them: no standby was ever relied on, or a stranger is in its place. */
export const NOBODY: SyncSetting = { method: 'first', names: [], count: 1 };

/** How many of the set must be detached before a failover may go on; more than there are for `null`. */
export function fencersNeeded(relied: Quorum | null): number {
  return relied === null ? Number.POSITIVE_INFINITY : relied.names.length - relied.count + 1;
}

/**
 * Whether a failover that relies on `relied` finds every commit that `running` acknowledges. `null`
 * relies on nobody: only the primary itself holds everything.
 */
export function isCovered(relied: Quorum | null, running: Quorum): boolean {
  if (relied === null || neverAcknowledges(running)) return true;
  const union = new Set([...relied.names, ...running.names]).size;
  return fencersNeeded(relied) + running.count > union;
}

/**
 * What acknowledges while walsenders have read either of two settings, each at its own time: whichever
 * hears from its standby counts by its own `count`, among all that count by what they have read themselves.
 */
export function blend(before: Quorum, next: Quorum): Quorum {
  const read = [before, next].filter(({ names }) => names.length > 0);
  const names = [...new Set(read.flatMap((each) => each.names))];
  return { names, count: Math.min(...read.map(({ count }) => count)) };
}

/**
 * Whether PostgreSQL may be told `next` while it runs `before` and a failover relies on `relied`: no
 * commit that is acknowledged meanwhile, or by either, can be missed.
 */
export function isCoveredThrough(relied: Quorum | null, before: Quorum, next: Quorum): boolean {
  if (!isCovered(relied, before) || !isCovered(relied, next)) return false;
  return isCovered(relied, blend(before, next));
}

/**
 * Whether every failover that `next` permits is one that `present` permits too. Then `next` may be
 * relied on at once; else each of its members must first have flushed what was acknowledged before.
 */
export function isImplied(next: Quorum | null, present: Quorum | null): boolean {
  if (next === null) return true;
  if (present === null) return false;
  const strangers = next.names.filter((name) => !present.names.includes(name)).length;
  return fencersNeeded(next) - strangers >= fencersNeeded(present);
}

/** More members are asked for than the setting names: no commit is ever acknowledged. */
export function neverAcknowledges({ names, count }: Quorum): boolean {
  return count > names.length;
}

export function sameQuorum(a: Quorum | null, b: Quorum | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.count !== b.count || a.names.length !== b.names.length) return false;
  return a.names.every((name) => b.names.includes(name));
}

/** The same also in method and order, which PostgreSQL prefers members by. */
export function sameSetting(a: SyncSetting, b: SyncSetting): boolean {
  if (!sameQuorum(a, b) || a.method !== b.method) return false;
  return a.method === 'any' || a.names.every((name, position) => name === b.names[position]);
}

/** What a failover may rely on once PostgreSQL runs nothing but `setting`. */
export function reliance(setting: SyncSetting): Quorum | null {
  const { names, count } = setting;
  return count === 0 || neverAcknowledges(setting) ? null : { names, count };
}
