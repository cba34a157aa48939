import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RebuildOrder } from '#libs/cluster';
import { RebuildJournalFile } from '../state-directory/rebuild-journal-file.ts';
import { RebuildDesk } from './rebuild-desk.ts';

const ORDER: RebuildOrder = {
  ...{ order: 7, methods: ['pgbackrest', 'basebackup'], from: null, force: false },
  ...{ trigger: 'automatic', reason: 'its data directory is empty' },
};

let directory: string;
let nowMs: number;
let desk: RebuildDesk;
const restarted = () =>
  new RebuildDesk(
    new RebuildJournalFile(directory),
    () => nowMs,
    () => undefined,
  );

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rebuild-desk-'));
  nowMs = 1_000_000;
  desk = restarted();
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the methods of an order that are left', () => {
  it('are those that did not fail, also after a restart; all again after a minute', () => {
    expect(desk.begin(ORDER, 'pg1 1')).toEqual(['pgbackrest', 'basebackup']);
    desk.failed('pgbackrest', 'no stanza');
    expect(desk.begin(ORDER, 'pg1 1')).toEqual(['basebackup']);
    desk = restarted();
    expect(desk.begin(ORDER, 'pg1 1')).toEqual(['basebackup']);
    desk.failed('basebackup', 'the connection broke off');
    expect(desk.begin(ORDER, 'pg1 1')).toBeNull();
    nowMs += 59_999;
    expect(desk.begin(ORDER, 'pg1 1')).toBeNull();
    nowMs += 1;
    expect(desk.begin(ORDER, 'pg1 1')).toEqual(['pgbackrest', 'basebackup']);
  });

  it('are all again at once under another primary, or on another timeline', () => {
    desk.begin(ORDER, 'pg1 1');
    for (const method of ORDER.methods) desk.failed(method, 'pg1 was lost');
    expect(desk.begin(ORDER, 'pg1 1')).toBeNull();
    expect(desk.begin(ORDER, 'pg3 2')).toEqual(['pgbackrest', 'basebackup']);
    for (const method of ORDER.methods) desk.failed(method, 'pg3 was lost');
    expect(desk.begin(ORDER, 'pg3 2')).toBeNull();
    expect(desk.begin(ORDER, 'pg3 4')).toEqual(['pgbackrest', 'basebackup']);
  });
});

it('a copy that is not in place any more is none, also after a restart: the order is begun again (safety 25)', () => {
  desk.begin(ORDER, 'pg1 1');
  desk.enter('replacing', 'basebackup');
  desk.placed('basebackup');
  expect([desk.rebuiltOrder, desk.awaitsProof]).toEqual([7, true]);
  desk.undone();
  for (const known of [desk, restarted()]) {
    expect([known.rebuiltOrder, known.awaitsProof, known.journal.method]).toEqual([
      null,
      false,
      null,
    ]);
    expect(known.begin(ORDER, 'pg1 1')).toEqual(['pgbackrest', 'basebackup']);
  }
});
