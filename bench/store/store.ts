import type { MemberProcess } from './child.ts';

/** `error` null: the value is committed on a quorum and applied by the leader. */
export type Done = (error: Error | null) => void;

/** Clients of one store, all talking to its leader. */
export interface StoreClients {
  /** Stores a value on behalf of client number `client`, which waits for the answer. */
  put(client: number, key: string, value: Uint8Array, done: Done): void;
  close(): void;
}

/** A group of three members under test. */
export interface StoreUnderTest {
  readonly members: readonly MemberProcess[];
  /** All clients share one connection, or each has its own: the same choice for every store. */
  connect(clients: number, connections: 'shared' | 'own'): Promise<StoreClients>;
  stop(): Promise<void>;
}

/** Of the largest member, in MiB. */
export function largestMemoryMb(store: StoreUnderTest, kind: 'rss' | 'pss'): number {
  return Math.max(...store.members.map((member) => member.memoryMb()?.[kind] ?? 0));
}
