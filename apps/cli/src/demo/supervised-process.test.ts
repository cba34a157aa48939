import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SupervisedProcess } from './supervised-process.ts';

let directory: string;
let supervised: SupervisedProcess;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'matriarch-supervised-'));
  supervised = new SupervisedProcess({
    name: 'sleeper',
    argv: ['/bin/sh', '-c', 'echo started; exec sleep 60'],
    logFile: join(directory, 'log'),
    restartPauseMs: 100,
  });
});

afterEach(async () => {
  await supervised.killForGood();
  rmSync(directory, { recursive: true });
});

it('is started again after it was killed, with the same log', async () => {
  supervised.start();
  const first = supervised.pid;
  await vi.waitFor(() => expect(logLines()).toBe(1));
  expect(supervised.signal('SIGKILL')).toBe(true);
  await vi.waitFor(() => expect(logLines()).toBe(2));
  expect(supervised.pid).not.toBe(first);
  expect(supervised.starts).toBe(2);
});

it('stays down once it was stopped', async () => {
  supervised.start();
  await supervised.stop();
  expect(supervised.pid).toBeNull();
  expect(supervised.signal('SIGTERM')).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(supervised.starts).toBe(1);
});

it('may be stopped while it waits for its restart', async () => {
  supervised.start();
  supervised.signal('SIGKILL');
  await vi.waitFor(() => expect(supervised.pid).toBeNull(), { interval: 2 });
  await supervised.stop();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(supervised.pid).toBeNull();
});

function logLines(): number {
  return readFileSync(join(directory, 'log'), 'utf8').split('started').length - 1;
}
