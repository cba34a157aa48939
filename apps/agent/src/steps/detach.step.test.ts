import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { epoch, lsnOf, timelineId } from '#libs/kernel';
import { createLogger } from '#libs/observability';
import { readManagedSettings, type SqlSession, writeManagedSettings } from '#libs/postgres-run';
import type { PostmasterState } from '#libs/protocol';
import { LastStreamed } from '#libs/reconcile';
import { standbyAt } from '#libs/testing';
import { detach } from './detach.step.ts';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

const END = { timeline: timelineId(1), lsn: lsnOf(0x5000000n) };

vi.mock('../observe/data-directory.ts', () => ({ readWalEnd: () => Promise.resolve(END) }));

let dataDirectory: string;
let lastStreamed: LastStreamed;

/** Of an instance that streamed when it was last stopped. No pid file: nothing can be told to reload. */
beforeEach(() => {
  lastStreamed = new LastStreamed();
  dataDirectory = mkdtempSync(join(tmpdir(), 'mtdetach-'));
  writeManagedSettings(dataDirectory, { primary_conninfo: 'host=pg1' });
});

afterEach(() => rmSync(dataDirectory, { recursive: true, force: true }));

function contextWhile(postmaster: PostmasterState | null): StepContext {
  const context = {
    local: { dataDirectory, installation: { version: { major: 15, minor: 18 } } },
    guard: { state: postmaster === null ? null : { postmaster } },
    observer: { latest: null, lastStreamed },
    sql: {} as SqlSession,
    facts: { detached: null },
    log: createLogger({ process: 'test', level: 'fatal' }),
    promiseDetached: () => undefined,
    reportNow: () => Promise.resolve(),
  };
  return context as unknown as StepContext;
}

it.each(['starting', 'running', null] as const)(
  'says nothing of an instance without a pid file whose guard knows it as %s (safety 6)',
  async (postmaster) => {
    const context = contextWhile(postmaster);
    await expect(detach(context, epoch(3))).rejects.toThrow(NotYetError);
    expect(context.facts.detached).toBeNull();
    // The files are written: whoever reads them from here on receives from nobody.
    expect(readManagedSettings(dataDirectory)['primary_conninfo']).toBe('');
  },
);

it('is sure of one that is proved down, and tells where its WAL ends', async () => {
  const context = contextWhile('down');
  await detach(context, epoch(3));
  expect(context.facts.detached).toEqual({ throughEpoch: 3, position: END });
});

it('tells until when it was seen to stream, also when it is detached once more (safety 18)', async () => {
  const context = contextWhile('down');
  lastStreamed.looked(standbyAt(1, 90n), performance.now() - 4_000);
  await detach(context, epoch(3));
  const streamed = context.facts.detached?.streamed;
  expect(streamed).toMatchObject({ timeline: 1 });
  expect(streamed?.beforeDetachMs).toBeGreaterThanOrEqual(4_000);
  expect(streamed?.beforeDetachMs).toBeLessThan(30_000);
  lastStreamed.looked(standbyAt(1, 90n), performance.now());
  await detach(context, epoch(4));
  expect(context.facts.detached).toEqual({ throughEpoch: 4, position: END, streamed });
});

it('promises before it touches anything, and does not touch it without the promise (safety 4, 6)', async () => {
  const context = contextWhile('down');
  const conninfo = () => readManagedSettings(dataDirectory)['primary_conninfo'];
  const full = () => {
    expect(conninfo()).toBe('host=pg1');
    throw new Error('no space left on device');
  };
  const without = { ...context, promiseDetached: full };
  await expect(detach(without, epoch(3))).rejects.toThrow('no space left');
  expect(conninfo()).toBe('host=pg1');
  expect(context.facts.detached).toBeNull();
});
