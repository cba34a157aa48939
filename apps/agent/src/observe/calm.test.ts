import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Logger } from '#libs/observability';
import { Calm } from './calm.ts';
import type { Snapshot } from './snapshot.ts';

const LIMIT_MS = 20_000;
const log = { debug: () => undefined } as unknown as Logger;

let directory: string;
let signs: number;
let calm: Calm;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'calm-'));
  mkdirSync(join(directory, 'pg_wal'));
  signs = 0;
  calm = new Calm(directory, log, () => {
    signs += 1;
  });
});

afterEach(() => {
  calm.close();
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

/** A standby that streams, or whatever `change` makes of it. */
function seen(begunMs: number, lsn: bigint, status = 'streaming'): Snapshot {
  const receiver = { pid: 7, status };
  const role = { kind: 'standby', timeline: 1, receivedLsn: lsn, replayedLsn: lsn, receiver };
  return {
    ...{ begunMs, stall: null, walGone: null },
    guard: { incarnation: 'g', epoch: null, postmaster: 'running', postmasterPid: 1 },
    sql: { kind: 'reachable', role, replicas: [], pendingRestart: [] },
  } as unknown as Snapshot;
}

/** Looks every 400 ms of a clock of its own; the last snapshot. */
function looks(count: number, lsn: bigint, fromMs: number, status?: string): Snapshot {
  let last = seen(fromMs, lsn, status);
  for (let at = 0; at < count; at += 1) {
    const nowMs = fromMs + at * 400;
    vi.spyOn(performance, 'now').mockReturnValue(nowMs + 2);
    last = seen(nowMs, lsn, status);
    calm.looked(last);
  }
  return last;
}

async function until(holds: () => boolean): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += 10) {
    if (waitedMs > LIMIT_MS) throw new Error(`not true within ${LIMIT_MS} ms`);
    await pause(10);
  }
}

it('is calm once nothing changed for a while, and a look has begun after the watch stood', () => {
  expect(calm.isCalm(looks(11, 100n, 1_000))).toBe(false);
  expect(calm.isCalm(looks(1, 100n, 5_800))).toBe(true);
});

it('is not calm while WAL is written, or the receiver does not stream', () => {
  for (let at = 0; at < 20; at += 1) {
    expect(calm.isCalm(looks(1, BigInt(at), 1_000 + at * 400))).toBe(false);
  }
  expect(calm.isCalm(looks(20, 100n, 20_000, 'starting'))).toBe(false);
});

it('given WAL is written, says so at once and is calm no more', async () => {
  const last = looks(13, 100n, 1_000);
  expect(calm.isCalm(last)).toBe(true);
  writeFileSync(join(directory, 'pg_wal', '000000010000000000000001'), 'record');
  await until(() => signs === 1);
  expect(calm.isCalm(last)).toBe(false);
  expect(calm.isCalm(looks(1, 100n, 6_400))).toBe(false);
});

it('given the cluster changes, looks at once, and only then', () => {
  calm.disturb();
  expect(signs).toBe(0);
  expect(calm.isCalm(looks(13, 100n, 1_000))).toBe(true);
  calm.disturb();
  expect(signs).toBe(1);
});

it('given WAL that cannot be watched, is never calm', () => {
  rmSync(join(directory, 'pg_wal'), { recursive: true });
  expect(calm.isCalm(looks(40, 100n, 1_000))).toBe(false);
});
