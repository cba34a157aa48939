import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Message } from '#libs/raft';
import type { Log } from '../log.ts';
import { systemClock } from '../system-clock.ts';
import { openReplica } from './open-replica.ts';
import { openSeat } from './open-seat.ts';

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };
const FOUNDERS = ['c1', 'c2', 'c3'].map((name) => ({ name, address: `${name}:7400` }));
/** An election timeout that does not end in a test, and ticks of which a few are missed without harm. */
const TIMING = { tickMs: 400, heartbeatMs: 400, electionMs: 30_000 };

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mt-next-election-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('a follower that is asked in vain does not sleep on until the time that it had planned', async () => {
  const seat = await openSeat({
    directory,
    ...{ groupId: 'g1', name: 'c1' },
    entry: { kind: 'found', founders: FOUNDERS, mayFound: () => Promise.resolve() },
  });
  let asked = (): void => {};
  const asks = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const replica = await openReplica(seat, {
    timing: TIMING,
    links: { send: ({ type }: Message) => type === 'preVoteRequest' && asked() },
    clock: systemClock,
    log: SILENT,
    seed: 1,
    compaction: { afterEntries: 400, trailingEntries: 100 },
    onFatal: (error) => {
      throw error;
    },
  });
  const { host } = replica;
  host.start();
  const from3 = { from: 3, to: 1 };
  const entries = [{ kind: 'empty', index: 1, term: 1 } as const];
  const place = { prevIndex: 0, prevTerm: 0, commitIndex: 0, entries };
  host.receive({ type: 'appendRequest', ...from3, term: 1, ...place });
  await until(() => host.status().lastIndex === 1);
  const empty = { lastIndex: 0, lastTerm: 0 };
  host.receive({ type: 'voteRequest', ...from3, term: 2, ...empty, transfer: true });
  await until(() => host.status().term === 2);
  const askedMs = systemClock.monotonicMs();
  host.receive({ type: 'preVoteRequest', from: 2, to: 1, term: 3, ...empty });
  await asks;
  const tookMs = systemClock.monotonicMs() - askedMs;
  await host.stop();
  await replica.storage.close();
  expect(tookMs).toBeLessThan(3 * TIMING.tickMs);
});

async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setImmediate(resolve));
}
