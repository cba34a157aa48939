import { crc32 } from 'node:zlib';
import { EventStore, PREFIX, type StorePorts } from '#libs/event-store';
import { decode, encode } from '#libs/protocol';
import type { HostStorage } from './ports.ts';

export const STORE_PORTS: StorePorts = {
  encode,
  decode,
  crc32: (bytes, seed) => crc32(bytes, seed),
};

/** History is read on demand; only what decisions and comparisons need is held in memory. */
const IN_MEMORY = [PREFIX.cluster, PREFIX.controllers, PREFIX.register, PREFIX.session] as const;

/** The state machine as storage has it at its applied index. */
export async function loadEventStore(
  storage: Pick<HostStorage, 'scan' | 'applied'>,
): Promise<EventStore> {
  const store = new EventStore(STORE_PORTS);
  for (const prefix of IN_MEMORY) {
    for await (const { key, value } of storage.scan({ prefix })) store.restoreRecord(key, value);
  }
  store.restore([], digestOf(storage.applied.digest));
  return store;
}

function digestOf(bytes: Uint8Array): number {
  if (bytes.length < 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}
