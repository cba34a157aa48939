import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { codeOf, controllerName, DomainError, messageOf } from '#libs/kernel';
import { type Membership, seatAt } from '#libs/raft';
import {
  type BackupHeader,
  BackupReader,
  openReplicaStore,
  type ReplicaStore,
  type SnapshotReceiver,
} from '#libs/storage';
import { UsageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { interruptible } from '../interruptible.ts';
import { advice, giveAllTo, type Owner, ownerOf } from '../offline/directory-owner.ts';
import { endpointOf } from '../offline/endpoint.ts';
import { type NewLife, newLife, termAbove } from '../offline/new-life.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { nowMs } from '../system-clock.ts';

export type RestoreOptions = {
  readonly directory: string;
  readonly name: string;
  readonly address: string;
  /** True: a random one. */
  readonly newClusterId?: string | true;
};

class DirectoryNotEmptyError extends DomainError {
  readonly code = 'DIRECTORY_NOT_EMPTY';

  constructor(directory: string) {
    super(`${directory} is not empty: restore into a new directory, nothing is overwritten`);
  }
}

const READ_BYTES = 1_048_576;
const MIB = 1_048_576;

/** Makes a group of one member out of a backup, in a directory that appears only when it is whole. */
export function restore(context: Context, file: string, options: RestoreOptions): Promise<Outcome> {
  return interruptible(async (signal) => {
    endpointOf(options.address);
    const name = controllerName(options.name);
    const groupId = newGroupId(options.newClusterId);
    const directory = resolve(options.directory);
    await requireFile(file);
    await requireEmpty(directory);
    const owner = await ownerOf(directory);
    const partial = `${directory}.restoring-${process.pid}`;
    try {
      const work = { context, file, partial, options: { ...options, name }, groupId, signal };
      const restored = await restoreInto(work);
      await giveAllTo(owner, partial);
      signal.throwIfAborted();
      await rename(partial, directory);
      return outcomeOf(restored, { ...options, directory }, owner);
    } finally {
      context.terminal.transient('');
      await rm(partial, { recursive: true, force: true });
    }
  });
}

type Work = {
  readonly context: Context;
  readonly file: string;
  readonly partial: string;
  readonly options: RestoreOptions;
  /** Null: that of the backup. */
  readonly groupId: string | null;
  readonly signal: AbortSignal;
};

type Restored = {
  readonly header: BackupHeader;
  readonly groupId: string;
  readonly life: NewLife;
};

async function restoreInto(work: Work): Promise<Restored> {
  const { context, file, partial, signal } = work;
  const { size } = await stat(file);
  await mkdir(partial, { recursive: true, mode: 0o700 });
  const { store } = await openReplicaStore({ directory: partial });
  try {
    const reader = new BackupReader();
    let receiver: SnapshotReceiver | null = null;
    let storedBytes = 0;
    let readBytes = 0;
    for await (const piece of createReadStream(file, { highWaterMark: READ_BYTES })) {
      signal.throwIfAborted();
      const bytes = reader.push(piece);
      if (reader.header !== null) receiver ??= await begin(store, reader.header, work);
      if (receiver !== null) storedBytes = await receiver.write(storedBytes, bytes);
      readBytes += piece.length;
      const percent = Math.floor((100 * readBytes) / Math.max(1, size));
      context.terminal.transient(`restore: ${percent} % of ${(size / MIB).toFixed(1)} MiB read`);
    }
    const { header, snapshotSha256 } = reader.finish();
    receiver ??= await begin(store, header, work);
    const life = await beginLife(store, receiver, header, snapshotSha256);
    return { header, life, groupId: store.groupId };
  } finally {
    await store.close();
  }
}

async function begin(
  store: ReplicaStore,
  header: BackupHeader,
  { options, groupId }: Work,
): Promise<SnapshotReceiver> {
  const { name, address } = options;
  const { index, term } = header.meta;
  const id = seatAt(index + 1);
  const members = [{ id, name, address }];
  const membership: Membership = { members, voters: [id], outgoing: [], learners: [] };
  await store.bootstrap({
    groupId: groupId ?? header.groupId,
    ...{ memberId: id, membership, directoryId: randomBytes(8).toString('hex') },
  });
  const receiver = store.openSnapshotReceiver();
  await receiver.begin({ index, term, membership });
  return receiver;
}

async function beginLife(
  store: ReplicaStore,
  receiver: SnapshotReceiver,
  { meta }: BackupHeader,
  snapshotSha256: Uint8Array,
): Promise<NewLife> {
  const snapshot = await receiver.seal(snapshotSha256);
  const beganMs = nowMs();
  const term = termAbove(meta.term, beganMs);
  const hardState = { term, vote: 0 };
  const none = { seq: 0, truncateFrom: null };
  await store.write({ persist: { ...none, hardState, entries: [], snapshot } });
  const life = await newLife(store, { fromIndex: meta.index + 1, term, nowMs: beganMs });
  const { entries } = life;
  await store.write({ persist: { ...none, hardState: null, entries, snapshot: null } });
  return life;
}

function newGroupId(asked: string | true | undefined): string | null {
  if (asked === undefined) return null;
  if (asked === true) return randomBytes(8).toString('hex');
  if (/^[0-9a-f]{16}$/.test(asked)) return asked;
  throw new UsageError(
    `--new-cluster-id ${asked}: give the 16 hexadecimal digits that \`matriarch certs init\` printed`,
  );
}

async function requireFile(file: string): Promise<void> {
  const found = await stat(file).catch((error: unknown) => {
    throw new UsageError(
      `${file} cannot be read (${messageOf(error)}): name a file that \`matriarch controllers backup\` wrote`,
    );
  });
  if (!found.isFile()) throw new UsageError(`${file} is no file: name one that a backup wrote`);
}

async function requireEmpty(directory: string): Promise<void> {
  try {
    if ((await readdir(directory)).length > 0) throw new DirectoryNotEmptyError(directory);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function outcomeOf(
  { header, groupId, life }: Restored,
  options: RestoreOptions,
  owner: Owner,
): Outcome {
  const { directory, name, address } = options;
  const { index, term } = header.meta;
  const clusters = life.clusters.map((state) => state.name);
  const resume = clusters.map((cluster) => `  matriarch resume ${cluster}`).join('\n');
  const text =
    `${directory}: controller ${name} at ${address}, alone in group ${groupId}, state of index ${index}` +
    `${advice(owner, directory)}\n` +
    `incarnation ${life.incarnation}: ${
      clusters.length === 0
        ? 'no cluster is in it'
        : `nothing is done for ${clusters.length} cluster(s) before\n${resume}`
    }`;
  const { incarnation } = life;
  const result = { ok: true, directory, groupId, incarnation, index, term, clusters };
  return { exitCode: EXIT.held, text: text.trimEnd(), result };
}
