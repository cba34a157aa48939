import type { HardState, LogEntry, Membership, PersistBatch } from '#libs/raft';
import type { RecoveredLog } from '#libs/storage';
import { entryHash } from './hashes.ts';
import { appliedBy, type SnapshotBody, type StableMedia } from './sim-disk.ts';
import { Violation } from './violation.ts';

export type FoundLog = Extract<RecoveredLog, { bootstrapped: true }>;

/** What was under way when the process died: each may have reached the disk, or not. */
export type UnderWay = {
  readonly batch: PersistBatch | null;
  readonly body: SnapshotBody | null;
  readonly sealing: SnapshotBody | null;
};

/**
 * Compares what the real recovery found with what was durable, takes in what was under way, and from
 * then on `media` is what is on the disk.
 */
export function checkRecovered(
  media: StableMedia,
  found: FoundLog,
  entries: readonly LogEntry[],
  underWay: UnderWay,
): void {
  const { batch, body, sealing } = underWay;
  checkHardState(media.hardState, batch?.hardState ?? null, found.hardState);
  if (!endsLike(media, found) && batch !== null) media.write(batch, body);
  media.hardState = found.hardState;
  const durable = { firstIndex: media.log.firstIndex, lastIndex: media.log.lastIndex };
  if (!endsLike(media, found))
    throw new Violation('recovery finds the whole log', say(found, durable));
  const base = found.firstIndex - 1;
  if (base < media.log.firstIndex - 1) {
    throw new Violation('what is compacted does not come back', say(found, durable));
  }
  media.log.compactTo(base);
  let hash = media.log.baseHash;
  for (const entry of entries) hash = entryHash(hash, entry);
  if (entries.length !== found.lastIndex - base || hash !== media.log.hashAt(found.lastIndex)) {
    throw new Violation('recovery finds the entries that were written', say(found, durable));
  }
  if (sealing !== null && found.appliedIndex === sealing.meta.index) {
    media.snapshot = sealing;
    media.applied = appliedBy(sealing);
  }
  if (
    found.appliedIndex !== media.applied.index ||
    digestOf(found.digest) !== media.applied.digest
  ) {
    throw new Violation('recovery finds the state that was written', {
      ...say(found, durable),
      appliedIndex: media.applied.index,
    });
  }
  checkMembership(media, found);
}

/** The newest membership of the log at the applied index; later ones must come from the tail. */
function checkMembership(media: StableMedia, found: FoundLog): void {
  const expected = media.log.membershipAt(found.appliedIndex, media.snapshot.meta).membership;
  const same = idsOf(expected) === idsOf(found.membership);
  if (same && found.membershipIndex <= found.appliedIndex) return;
  throw new Violation('recovery finds the membership at the applied index', {
    appliedIndex: found.appliedIndex,
    membershipIndex: found.membershipIndex,
    expected: idsOf(expected),
    found: idsOf(found.membership),
  });
}

export function digestBytes(digest: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, digest);
  return bytes;
}

export function digestOf(bytes: Uint8Array): number {
  if (bytes.length < 8) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
}

function endsLike({ log }: StableMedia, found: FoundLog): boolean {
  const lastTerm = found.termRuns.at(-1)?.term ?? found.snapshot.term;
  const covered = log.lastIndex === found.lastIndex && log.covers(found.firstIndex - 1);
  return covered && log.termAt(log.lastIndex) === lastTerm;
}

function checkHardState(durable: HardState, flying: HardState | null, found: HardState): void {
  const allowed = [durable, flying];
  if (allowed.some((one) => one?.term === found.term && one.vote === found.vote)) return;
  throw new Violation('recovery finds the durable term and vote', { durable, flying, found });
}

function say(found: FoundLog, durable: object): Record<string, unknown> {
  const { firstIndex, lastIndex, appliedIndex } = found;
  return { found: { firstIndex, lastIndex, appliedIndex }, durable };
}

function idsOf({ voters, outgoing, learners }: Membership): string {
  return JSON.stringify([voters, outgoing, learners]);
}
