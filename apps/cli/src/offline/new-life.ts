import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ClusterState } from '#libs/cluster';
import {
  type Command,
  EventStore,
  PREFIX,
  packCommand,
  packEnvelope,
  type StorePorts,
} from '#libs/event-store';
import type { EpochMs } from '#libs/kernel';
import { decode, encode } from '#libs/protocol';
import type { LogEntry } from '#libs/raft';
import type { ReplicaStore } from '#libs/storage';

export const STORE_PORTS: StorePorts = {
  encode,
  decode,
  crc32: (bytes, seed) => crc32(bytes, seed),
};

const READ_BYTES = 4 * 1_024 * 1_024;

export type NewLife = {
  readonly incarnation: string;
  readonly clusters: readonly ClusterState[];
  /** Begin right after the log's last. */
  readonly entries: readonly LogEntry[];
};

const SECOND_MS = 1_000;

/**
 * Above all that the former life can have given out since: agents and guards that ran on believe nobody
 * who says that they lead in an earlier term. Elections are further apart than the second this counts in.
 */
export function termAbove(formerTerm: number, nowMs: EpochMs): number {
  return Math.max(formerTerm + 1, Math.floor(nowMs / SECOND_MS));
}

/**
 * The entries that begin another incarnation of the controllers: agents act on nothing of it before an
 * operator has resumed each cluster (safety 4).
 */
export async function newLife(
  store: ReplicaStore,
  place: { readonly fromIndex: number; readonly term: number; readonly nowMs: EpochMs },
): Promise<NewLife> {
  const clusters = (await presentState(store)).clusters();
  const incarnation = randomBytes(8).toString('hex');
  const { nowMs: at, term } = place;
  const restoration = { incarnation, floor: at };
  const commands: Command[] = [
    { type: 'incarnation', incarnation },
    ...clusters.map(
      (state): Command => ({
        type: 'append',
        cluster: state.name,
        expectedVersion: state.version,
        at,
        cause: { by: 'operator', rule: 'new-incarnation' },
        events: [{ type: 'ClusterPaused', restoration }],
      }),
    ),
  ];
  const entries = commands.map((command, position): LogEntry => {
    const body = packCommand(STORE_PORTS, command);
    const payload = packEnvelope(STORE_PORTS, { from: 'controller', body });
    return { kind: 'command', index: place.fromIndex + position, term, payload };
  });
  return { incarnation, clusters, entries };
}

/** What the whole log leads to, also entries of which nobody knows whether a quorum had them. */
async function presentState(store: ReplicaStore): Promise<EventStore> {
  const machine = new EventStore(STORE_PORTS);
  for (const prefix of [PREFIX.cluster, PREFIX.register, PREFIX.session]) {
    for await (const { key, value } of store.scan({ prefix })) machine.restoreRecord(key, value);
  }
  for (let index = store.applied.index + 1; index <= store.lastIndex; ) {
    const entries = await store.readEntries(index, store.lastIndex, READ_BYTES);
    for (const entry of entries) {
      if (entry.kind === 'command') machine.apply(entry.index, entry.payload);
      index = entry.index + 1;
    }
  }
  return machine;
}
