import type { LogEntry, Membership, PersistBatch } from '#libs/raft';
import { openReplicaStore } from '../open-replica-store.ts';

export const GROUP_ID = '00112233aabbccdd';

export const MEMBERSHIP: Membership = {
  members: [{ id: 1, name: 'one', address: '127.0.0.1:7400' }],
  voters: [1],
  outgoing: [],
  learners: [],
};

const utf8 = new TextEncoder();

export function batch(parts: Partial<PersistBatch>): PersistBatch {
  return { seq: 1, hardState: null, truncateFrom: null, entries: [], snapshot: null, ...parts };
}

export function command(index: number, term: number): LogEntry {
  return { kind: 'command', index, term, payload: utf8.encode(`payload ${index}`) };
}

/** Commands from one index to another, both included. */
export function run(from: number, to: number, term: number): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => command(from + offset, term));
}

/** An entry as text, to compare and to read. */
export function contentOf(entry: LogEntry): string {
  const content = entry.kind === 'command' ? ` ${new TextDecoder().decode(entry.payload)}` : '';
  return `${entry.kind} ${entry.index}/${entry.term}${content}`;
}

/**
 * Writes entry after entry and tells each index and term once it is acknowledged; the end is a kill.
 * Every 16th write also changes the hard state.
 */
export async function writeUntilKilled(
  directory: string,
  acknowledge: (line: string) => void,
): Promise<never> {
  const { store, recovered } = await openReplicaStore({ directory, groupId: GROUP_ID });
  const seat = { groupId: GROUP_ID, memberId: 1, membership: MEMBERSHIP };
  const start = recovered.bootstrapped ? recovered : await store.bootstrap(seat);
  let { term } = start.hardState;
  for (let index = start.lastIndex + 1; ; index += 1) {
    const changes = term === 0 || index % 16 === 0;
    if (changes) term += 1;
    await store.write({
      persist: batch({
        hardState: changes ? { term, vote: 1 } : null,
        entries: [command(index, 1)],
      }),
      state: [{ type: 'put', key: 'counter', value: utf8.encode(`${index}`) }],
      applied: { index, term: 1, digest: new Uint8Array() },
    });
    acknowledge(`${index} ${term}`);
  }
}
