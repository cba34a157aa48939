import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { serverOfOthers } from './server-of-others.ts';

const LIMIT = { timeout: 10_000 };

it('is stopped in order also where the data directory is a symbolic link, and only if it stands there', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'others-'));
  const link = `${directory}.link`;
  symlinkSync(directory, link);
  const local = { dataDirectory: link } as LocalInstance;
  const server = spawn('sleep', ['60'], { cwd: directory });
  const elsewhere = spawn('sleep', ['60'], { cwd: tmpdir() });
  try {
    await serverOfOthers(local, elsewhere.pid ?? 0).end();
    expect(elsewhere.signalCode).toBeNull();
    await serverOfOthers(local, server.pid ?? 0).end();
    await vi.waitFor(() => expect(server.signalCode).toBe('SIGINT'), LIMIT);
  } finally {
    server.kill('SIGKILL');
    elsewhere.kill('SIGKILL');
    rmSync(link);
    rmSync(directory, { recursive: true });
  }
});
