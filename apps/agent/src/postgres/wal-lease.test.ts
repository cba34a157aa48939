import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { AgentConfig } from '#libs/config';
import { WalLease } from './wal-programs.ts';

let stateDirectory: string;

beforeEach(() => {
  vi.useFakeTimers();
  stateDirectory = mkdtempSync(join(tmpdir(), 'wal-lease-'));
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(stateDirectory, { recursive: true, force: true });
});

it('tells the archive script until when the lease lasts, and outlives a disk that takes nothing', () => {
  const told: string[] = [];
  const log = { warn: (message: string) => void told.push(message) };
  const config = { stateDirectory } as AgentConfig;
  const lease = new WalLease(
    config,
    () => true,
    () => 2_000,
    log,
  );
  lease.look();
  vi.advanceTimersByTime(250);
  expect(readFileSync(join(stateDirectory, 'wal-lease'), 'utf8')).toMatch(/^\d+/);
  rmSync(stateDirectory, { recursive: true });
  vi.advanceTimersByTime(2_500);
  expect(told).toEqual(['archiving stops: its lease is not told']);
  lease.stop();
});
