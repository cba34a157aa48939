import type { DataDirectory, TimelineRecord, WalPosition } from '#libs/cluster';
import { formatLsn, type Lsn, type TimelineId } from '#libs/kernel';

export type OwnHistory = Pick<
  Extract<DataDirectory, { kind: 'initialised' }>,
  'timeline' | 'ancestors'
>;

/** One timeline of a line of descent and where it was left; null while it is the last. */
export type Stretch = { readonly timeline: TimelineId; readonly leftAt: Lsn | null };

/**
 * What the committed history says of an instance's own. Timelines are compared by (id, fork), never
 * by number alone, and pg_rewind is never asked (safety 3 and 17).
 */
export type Divergence =
  /** All that is here belongs to the cluster: it can stream what it lacks. */
  | { readonly kind: 'none' }
  /** The end of its WAL must be read before anything can be said. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** It left the committed line after `commonEnd`: rewound to there. */
  | { readonly kind: 'forked'; readonly commonEnd: WalPosition; readonly why: string }
  /** A timeline of the same id with another origin: pg_rewind would say that nothing is to be done. */
  | { readonly kind: 'impostor'; readonly why: string };

/** The line of descent of the cluster's last timeline, oldest first. */
export function committedLine(history: readonly TimelineRecord[]): readonly Stretch[] {
  const known = lines.get(history);
  if (known !== undefined) return known;
  const line: Stretch[] = [];
  let record = history.at(-1);
  let leftAt: Lsn | null = null;
  while (record !== undefined && line.length <= history.length) {
    line.push({ timeline: record.timeline, leftAt });
    const fork: TimelineRecord['fork'] = record.fork;
    leftAt = fork?.lsn ?? null;
    record = fork === null ? undefined : history.find((other) => other.timeline === fork.from);
  }
  line.reverse();
  lines.set(history, line);
  return line;
}

/** Asked for at every look; a history is replaced by the next one and never changed in place. */
const lines = new WeakMap<readonly TimelineRecord[], readonly Stretch[]>();

/**
 * As `divergenceOf`, in a cluster that follows another: a timeline that the remote began is here before
 * it is in the events, so whoever only went on from the end of the committed line is no stray.
 */
export function divergenceOfFollower(
  own: OwnHistory,
  walEnd: Lsn | null,
  history: readonly TimelineRecord[],
): Divergence {
  const last = history.at(-1);
  const next = own.ancestors.findIndex(({ timeline }) => timeline === last?.timeline);
  if (next < 0) return divergenceOf(own, walEnd, history);
  const known = own.ancestors.slice(0, next);
  const until = own.ancestors[next];
  if (until === undefined) return divergenceOf(own, walEnd, history);
  return divergenceOf({ timeline: until.timeline, ancestors: known }, until.forkLsn, history);
}

/**
 * @param walEnd the furthest WAL that is surely here (received, replayed or read from disk); null
 * when nothing is known, which matters only on a timeline that the cluster has left
 */
export function divergenceOf(
  own: OwnHistory,
  walEnd: Lsn | null,
  history: readonly TimelineRecord[],
): Divergence {
  const committed = committedLine(history);
  if (committed.length === 0) return { kind: 'unknown', why: 'the cluster has no history yet' };
  const line: Stretch[] = [
    ...own.ancestors.map((ancestor) => ({
      timeline: ancestor.timeline,
      leftAt: ancestor.forkLsn,
    })),
    { timeline: own.timeline, leftAt: null },
  ];
  for (const [index, stretch] of line.entries()) {
    const expected = committed[index];
    if (expected === undefined || stretch.timeline !== expected.timeline) {
      return forkedBefore(committed, line, index);
    }
    if (stretch.leftAt === null) return atTheEnd(expected, walEnd);
    if (stretch.leftAt !== expected.leftAt) return leftElsewhere(committed, line, index);
  }
  return { kind: 'none' };
}

/** The own last timeline is one of the cluster's: diverged when WAL goes beyond where it was left. */
function atTheEnd(stretch: Stretch, walEnd: Lsn | null): Divergence {
  const { timeline, leftAt } = stretch;
  if (leftAt === null) return { kind: 'none' };
  if (walEnd === null) {
    return { kind: 'unknown', why: `the end of WAL on timeline ${timeline} was not read yet` };
  }
  if (walEnd <= leftAt) return { kind: 'none' };
  return {
    kind: 'forked',
    commonEnd: { timeline, lsn: leftAt },
    why:
      `WAL goes to ${formatLsn(walEnd)} on timeline ${timeline}, ` +
      `which the cluster left at ${formatLsn(leftAt)}`,
  };
}

function forkedBefore(
  committed: readonly Stretch[],
  line: readonly Stretch[],
  index: number,
): Divergence {
  const foreign = line[index]?.timeline;
  const known = committed.some((stretch) => stretch.timeline === foreign);
  const before = committed[index - 1];
  if (known || before === undefined) {
    return { kind: 'impostor', why: `timeline ${foreign} here has another origin` };
  }
  const why = `timeline ${foreign} is not part of the cluster's history`;
  return forkedAt(before, line[index - 1]?.leftAt ?? null, why, committed, line);
}

function leftElsewhere(
  committed: readonly Stretch[],
  line: readonly Stretch[],
  index: number,
): Divergence {
  const mine = line[index];
  const theirs = committed[index];
  if (mine === undefined || theirs === undefined) {
    return { kind: 'unknown', why: 'histories of different length' };
  }
  const at = mine.leftAt === null ? '?' : formatLsn(mine.leftAt);
  const why = `timeline ${mine.timeline} was left at ${at} here, elsewhere in the cluster`;
  return forkedAt(theirs, mine.leftAt, why, committed, line);
}

/** The lines part on `stretch`; an id that both use afterwards makes pg_rewind blind. */
function forkedAt(
  stretch: Stretch,
  leftHere: Lsn | null,
  why: string,
  committed: readonly Stretch[],
  line: readonly Stretch[],
): Divergence {
  const last = line.at(-1)?.timeline;
  const used = committed.some((other) => other.timeline === last);
  if (used && last !== stretch.timeline) return { kind: 'impostor', why };
  const ends = [leftHere, stretch.leftAt].filter((lsn) => lsn !== null);
  const [first, second] = ends;
  if (first === undefined) return { kind: 'unknown', why };
  const lsn = second !== undefined && second < first ? second : first;
  return { kind: 'forked', commonEnd: { timeline: stretch.timeline, lsn }, why };
}
