import {
  isCovered,
  isCoveredThrough,
  isImplied,
  type Quorum,
  reliance,
  type SyncSetting,
  sameQuorum,
  sameSetting,
} from './quorum.ts';

/** What stands now: what a failover may rely on, and what the primary's PostgreSQL is told. */
export type Standing = {
  readonly committed: Quorum | null;
  readonly ordered: SyncSetting;
};

/** One step from a standing to the next. Every standing on the way is safe by `isCovered`. */
export type Move =
  /** Rely on it from now on; `caughtUp`: only once each member has flushed what was acknowledged. */
  | { readonly kind: 'commit'; readonly set: Quorum | null; readonly caughtUp: boolean }
  /** Tell PostgreSQL; nothing else is done before all of it runs this setting. */
  | { readonly kind: 'order'; readonly setting: SyncSetting };

/** Far more than any change of a set needs. */
const MOVES_MAX = 8;

/**
 * The first move on a shortest safe way to `wanted`, or null when that is what stands. To be asked only
 * while PostgreSQL runs nothing but what it was last told. `wanted` names members that stream now.
 */
export function nextMove(standing: Standing, wanted: SyncSetting): Move | null {
  if (isReached(standing, wanted)) return null;
  return (
    search(standing, wanted, false) ??
    search(standing, wanted, true) ?? { kind: 'commit', set: null, caughtUp: false }
  );
}

function isReached({ committed, ordered }: Standing, wanted: SyncSetting): boolean {
  return sameQuorum(committed, reliance(wanted)) && sameSetting(ordered, wanted);
}

type Visit = { readonly standing: Standing; readonly first: Move | null };

/** Breadth first over the few sets that can be of use on the way. */
function search(from: Standing, wanted: SyncSetting, viaNobody: boolean): Move | null {
  const steps = stepsOf(from, wanted, viaNobody);
  const seen = new Set<string>([keyOf(from)]);
  let layer: Visit[] = [{ standing: from, first: null }];
  for (let depth = 0; depth < MOVES_MAX && layer.length > 0; depth += 1) {
    const next: Visit[] = [];
    for (const { standing, first } of layer) {
      for (const move of movesFrom(standing, steps, wanted)) {
        const after = applied(standing, move);
        const key = keyOf(after);
        if (seen.has(key)) continue;
        seen.add(key);
        if (isReached(after, wanted)) return first ?? move;
        next.push({ standing: after, first: first ?? move });
      }
    }
    layer = next;
  }
  return null;
}

type Steps = {
  readonly sets: readonly (Quorum | null)[];
  readonly settings: readonly SyncSetting[];
};

function stepsOf({ committed, ordered }: Standing, wanted: SyncSetting, viaNobody: boolean): Steps {
  const given = [committed?.names ?? [], ordered.names, wanted.names];
  const lists = [
    ...given,
    ...given.flatMap((a, position) =>
      given.slice(position + 1).flatMap((b) => [intersection(a, b), union(a, b)]),
    ),
    given.reduce(intersection),
    given.reduce(union),
  ];
  const sets = lists.flatMap((names) =>
    names.map((_name, index): Quorum => ({ names, count: index + 1 })),
  );
  const { method } = wanted;
  return {
    sets: viaNobody || reliance(wanted) === null ? [...sets, null] : sets,
    settings: [...sets.map((set) => ({ ...set, method })), wanted],
  };
}

function* movesFrom(
  { committed, ordered }: Standing,
  { sets, settings }: Steps,
  wanted: SyncSetting,
): Generator<Move> {
  for (const set of sets) {
    if (!isCovered(set, ordered)) continue;
    const implied = isImplied(set, committed);
    // Only members that stream now can catch up.
    const canCatchUp = set?.names.every((name) => wanted.names.includes(name)) ?? true;
    if (implied || canCatchUp) yield { kind: 'commit', set, caughtUp: !implied };
  }
  for (const setting of settings) {
    const streaming = setting.names.filter((name) => wanted.names.includes(name)).length;
    const mayStall = setting !== wanted && streaming < setting.count;
    if (!mayStall && isCoveredThrough(committed, ordered, setting))
      yield { kind: 'order', setting };
  }
}

function applied(standing: Standing, move: Move): Standing {
  return move.kind === 'commit'
    ? { ...standing, committed: move.set }
    : { ...standing, ordered: move.setting };
}

function keyOf({ committed, ordered }: Standing): string {
  const of = (set: Quorum | null) => (set === null ? '-' : `${set.count}:${[...set.names].sort()}`);
  return `${of(committed)} ${ordered.method} ${of(ordered)} ${ordered.names}`;
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...a, ...b.filter((name) => !a.includes(name))];
}

function intersection(a: readonly string[], b: readonly string[]): readonly string[] {
  return a.filter((name) => b.includes(name));
}
