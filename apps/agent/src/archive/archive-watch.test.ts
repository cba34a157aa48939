import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_BACKUP_TOOLS } from '#libs/backup';
import { runningCluster } from '#libs/testing';
import { ArchiveWatch } from './archive-watch.ts';

const archive = { tool: 'custom' } as const;
const { state } = runningCluster({}, { definition: { archive } });
const custom = { restore: null, check: null, fetchWal: null, archiveWal: ['put', '%p'] };

let dataDirectory: string;
const status = () => join(dataDirectory, 'pg_wal', 'archive_status');

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'mtw-'));
  mkdirSync(status(), { recursive: true });
});
afterEach(() => rmSync(dataDirectory, { recursive: true, force: true }));

function watchWith(backup: Partial<typeof NO_BACKUP_TOOLS>): ArchiveWatch {
  return new ArchiveWatch({ config: { backup: { ...NO_BACKUP_TOOLS, ...backup } }, dataDirectory });
}

function wait(count: number): void {
  for (let number = 1; number <= count; number += 1) {
    const name = `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;
    writeFileSync(join(status(), `${name}.ready`), '');
  }
}

describe('a cluster that archives its WAL', () => {
  it('is told of a host that does not have the tool, whatever its role', () => {
    const watch = watchWith({});
    watch.look(state, 'standby', 0);
    expect(watch.problem).toContain('backup.custom of this host names nothing that archives WAL');
    watch.look(state, 'primary', 60_000);
    expect(watch.problem).toContain('WAL piles up in pg_wal');
  });

  it('is told of WAL that piles up on its primary, until it does not any more', () => {
    const watch = watchWith({ custom });
    wait(32);
    watch.look(state, 'primary', 0);
    expect(watch.problem).toBe(null);
    wait(33);
    watch.look(state, 'standby', 60_000);
    expect(watch.problem).toBe(null);
    watch.look(state, 'primary', 120_000);
    expect(watch.problem).toContain(
      '33 WAL files from 000000010000000000000001 on wait for custom',
    );
    rmSync(status(), { recursive: true });
    mkdirSync(status());
    watch.look(state, 'primary', 180_000);
    expect(watch.problem).toBe(null);
  });
});

it('a cluster that archives nothing needs no tool', () => {
  const watch = watchWith({});
  watch.look(runningCluster().state, 'primary', 0);
  expect(watch.problem).toBe(null);
});
