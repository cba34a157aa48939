import { describe, expect, it } from 'vitest';
import { namesInDoubt, wouldAcknowledge } from './admit-sync.ts';
import { type Move, nextMove, type Standing } from './next-move.ts';
import {
  ALONE,
  fencersNeeded,
  isCovered,
  isCoveredThrough,
  isImplied,
  NOBODY,
  type Quorum,
  reliance,
  type SyncSetting,
  sameQuorum,
} from './quorum.ts';

const NAMES = ['a', 'b', 'c', 'd'];
/** Two seconds of work, on a machine that may have much other. */
const ENUMERATION_LIMIT_MS = 120_000;

function subsets(names: readonly string[]): string[][] {
  const [first, ...others] = names;
  if (first === undefined) return [[]];
  return subsets(others).flatMap((subset) => [subset, [first, ...subset]]);
}

function sized(names: readonly string[], size: number): string[][] {
  return subsets(names).filter((subset) => subset.length === size);
}

function quorums(names: readonly string[]): Quorum[] {
  return subsets(names).flatMap((subset) =>
    subset.map((_name, index) => ({ names: subset, count: index + 1 })),
  );
}

const setting = (names: string, count: number, method: 'any' | 'first' = 'any'): SyncSetting => ({
  ...{ names: names.split(''), count, method },
});

/** The definition itself: some failover that relies on one misses a commit of the other. */
function canMiss(relied: Quorum, running: Quorum): boolean {
  const fences = sized(relied.names, relied.names.length - relied.count + 1);
  const acknowledgers = sized(running.names, running.count);
  return fences.some((fence) =>
    acknowledgers.some((acks) => !acks.some((name) => fence.includes(name))),
  );
}

/**
 * As PostgreSQL does it (`SyncRepReleaseWaiters`): the walsender that hears from its standby takes the
 * count that it has read itself, and every walsender that counts by what that one has read.
 */
function mixtures(before: Quorum, next: Quorum): Quorum[] {
  const names = [...new Set([...before.names, ...next.names])];
  return subsets(names).flatMap((haveReadNext) => {
    const readingOf = (name: string) => (haveReadNext.includes(name) ? next : before);
    const counted = names.filter((name) => readingOf(name).names.includes(name));
    return counted.map((releases) => ({ names: counted, count: readingOf(releases).count }));
  });
}

describe('clients of a restarted primary come in', () => {
  const state = (ordered: SyncSetting) => ({
    sync: {
      ...{ epoch: 1 as never, committed: null, order: 1, confirmedAt: null },
      ...{ ordered, superseded: [setting('c', 1)] },
    },
  });

  it('once as many have flushed as a commit waits for, and at once where it waits for nobody', () => {
    const flushed = (names: string) => (name: string) => names.includes(name);
    expect(wouldAcknowledge(state(setting('ab', 2)), flushed('a'))).toBe(false);
    expect(wouldAcknowledge(state(setting('ab', 2)), flushed('ab'))).toBe(true);
    expect(wouldAcknowledge(state(ALONE), flushed(''))).toBe(true);
    expect(wouldAcknowledge(state(NOBODY), flushed('ab'))).toBe(false);
    expect(wouldAcknowledge({}, flushed(''))).toBe(true);
  });

  it('and the names of every setting that may still run are in doubt', () => {
    expect(namesInDoubt(state(setting('ab', 2)))).toEqual(['a', 'b', 'c']);
    expect(namesInDoubt({})).toEqual([]);
  });
});

describe('isCoveredThrough', () => {
  it(
    'is exactly "no failover misses what is acknowledged during a reload", for all of three members',
    () => {
      const all = quorums(['a', 'b', 'c']);
      for (const relied of all) {
        for (const before of all) {
          for (const next of all) {
            const runs = [before, next, ...mixtures(before, next)];
            const missed = runs.some((each) => canMiss(relied, each));
            const told = JSON.stringify({ relied, before, next });
            expect(isCoveredThrough(relied, before, next), told).toBe(!missed);
          }
        }
      }
    },
    ENUMERATION_LIMIT_MS,
  );
});

describe('isCovered', () => {
  it('is exactly "no failover misses an acknowledged commit", for all pairs of four members', () => {
    let pairs = 0;
    for (const relied of quorums(NAMES)) {
      for (const running of [...quorums(NAMES), ALONE]) {
        pairs += 1;
        expect(isCovered(relied, running), JSON.stringify({ relied, running })).toBe(
          !canMiss(relied, running),
        );
      }
    }
    expect(pairs).toBe(32 * 33);
  });

  it.each([
    { relied: 'ab', k: 2, running: 'a', kp: 1, covered: false, why: 'a alone acknowledged' },
    { relied: 'a', k: 1, running: 'ab', kp: 2, covered: true, why: 'both have each commit' },
    { relied: 'ab', k: 1, running: 'ac', kp: 1, covered: false, why: 'c alone acknowledged' },
    { relied: 'abc', k: 2, running: 'abc', kp: 2, covered: true, why: 'the same set' },
  ])(
    '$relied,$k with $running,$kp running: $covered ($why)',
    ({ relied, k, running, kp, covered }) => {
      expect(isCovered(setting(relied, k), setting(running, kp))).toBe(covered);
    },
  );

  it('of nobody relied on, or of a setting that never acknowledges, is always true', () => {
    expect(isCovered(null, ALONE)).toBe(true);
    expect(isCovered(setting('ab', 2), NOBODY)).toBe(true);
    expect(reliance(NOBODY)).toBeNull();
    expect(fencersNeeded(null)).toBe(Number.POSITIVE_INFINITY);
  });
});

it('isImplied is exactly "each failover of the next contains one of the present"', () => {
  for (const present of quorums(NAMES)) {
    const known = sized(present.names, fencersNeeded(present));
    for (const next of quorums(NAMES)) {
      const contained = sized(next.names, fencersNeeded(next)).every((fence) =>
        known.some((of) => of.every((name) => fence.includes(name))),
      );
      expect(isImplied(next, present), JSON.stringify({ next, present })).toBe(contained);
    }
  }
});

/** Who holds each commit that was ever acknowledged, in the worst choice of acknowledging members. */
class World {
  readonly commits: Set<string>[] = [];

  constructor(public standing: Standing) {
    // From before: held as what is relied on says, or by the primary alone.
    if (standing.committed === null) this.commits.push(new Set());
    else this.acknowledge(standing.committed);
    this.acknowledge(standing.ordered);
  }

  take(move: Move): void {
    if (move.kind === 'order') {
      // Until all of PostgreSQL runs the new one, each walsender goes by what it has read.
      this.acknowledge(this.standing.ordered);
      this.acknowledge(move.setting);
      for (const mixed of mixtures(this.standing.ordered, move.setting)) this.acknowledge(mixed);
      this.standing = { ...this.standing, ordered: move.setting };
      return;
    }
    if (move.caughtUp) {
      for (const holders of this.commits)
        for (const name of move.set?.names ?? []) holders.add(name);
    }
    this.standing = { ...this.standing, committed: move.set };
    this.acknowledge(this.standing.ordered);
  }

  acknowledge({ names, count }: Quorum): void {
    for (const acks of sized(names, count)) {
      const known = this.commits.some(
        (holders) => holders.size === acks.length && acks.every((name) => holders.has(name)),
      );
      if (!known) this.commits.push(new Set(acks));
    }
  }

  get loses(): boolean {
    const { committed } = this.standing;
    if (committed === null) return false;
    return sized(committed.names, fencersNeeded(committed)).some((fence) =>
      this.commits.some((holders) => !fence.some((name) => holders.has(name))),
    );
  }
}

describe('nextMove', () => {
  const settings = [
    ...quorums(['a', 'b', 'c']).map((q) => ({ ...q, method: 'any' as const })),
    ALONE,
  ];
  const standings = settings.flatMap((ordered): Standing[] =>
    [null, ...quorums(['a', 'b', 'c'])]
      .filter((committed) => isCovered(committed, ordered))
      .map((committed) => ({ committed, ordered })),
  );

  it(
    'leads from every safe standing to every wanted one, and no failover ever loses a commit',
    () => {
      let longest = 0;
      for (const from of standings) {
        for (const wanted of settings) {
          const world = new World(from);
          let moves = 0;
          for (
            let move = nextMove(from, wanted);
            move !== null;
            move = nextMove(world.standing, wanted)
          ) {
            world.take(move);
            moves += 1;
            const told = JSON.stringify({ from, wanted, move, standing: world.standing });
            if (world.loses) throw new Error(`a commit is lost: ${told}`);
            if (moves > 12) throw new Error(`no end: ${told}`);
          }
          expect(sameQuorum(world.standing.committed, reliance(wanted))).toBe(true);
          longest = Math.max(longest, moves);
        }
      }
      expect(longest).toBeLessThanOrEqual(6);
    },
    ENUMERATION_LIMIT_MS,
  );

  it('never gives up what is relied on while another way exists', () => {
    let world: Standing = { committed: setting('ab', 1), ordered: setting('ab', 1) };
    const wanted = setting('ac', 1);
    const kinds: string[] = [];
    for (let move = nextMove(world, wanted); move !== null; move = nextMove(world, wanted)) {
      if (move.kind === 'commit') expect(move.set).not.toBeNull();
      kinds.push(`${move.kind} ${JSON.stringify(move)}`);
      world =
        move.kind === 'commit'
          ? { ...world, committed: move.set }
          : { ...world, ordered: move.setting };
    }
    expect(kinds.length).toBeGreaterThan(2);
  });

  it('asks a failover for both while walsenders begin to require a further member', () => {
    let world: Standing = { committed: setting('a', 1), ordered: setting('a', 1) };
    const moves: Move[] = [];
    const wanted = setting('ab', 2);
    for (let move = nextMove(world, wanted); move !== null; move = nextMove(world, wanted)) {
      moves.push(move);
      const { committed, ordered } = world;
      world =
        move.kind === 'commit'
          ? { committed: move.set, ordered }
          : { committed, ordered: move.setting };
    }
    expect(moves).toMatchObject([
      { kind: 'commit', set: { names: ['a', 'b'], count: 1 }, caughtUp: false },
      { kind: 'order', setting: { count: 2 } },
      { kind: 'commit', set: { names: ['a', 'b'], count: 2 } },
    ]);
  });

  it('lowers what it relies on before PostgreSQL waits for fewer', () => {
    const from = { committed: setting('ab', 2), ordered: setting('ab', 2) };
    // Not on `a` alone yet: its walsender may count `b` until that of `b` has read the new value too.
    expect(nextMove(from, setting('a', 1))).toMatchObject({
      kind: 'commit',
      set: { names: ['a', 'b'], count: 1 },
    });
  });

  it('goes on alone only when nobody is relied on any more', () => {
    const from = { committed: setting('a', 1), ordered: setting('a', 1) };
    expect(nextMove(from, ALONE)).toEqual({ kind: 'commit', set: null, caughtUp: false });
    expect(nextMove({ ...from, committed: null }, ALONE)).toEqual({
      kind: 'order',
      setting: ALONE,
    });
  });
});
