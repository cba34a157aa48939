import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { interruptible } from './interruptible.ts';

it('Ctrl-C lets the work take back what it began, and is heard once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'interruptible-'));
  const partial = join(directory, 'half');
  const before = process.listenerCount('SIGINT');
  const work = interruptible(async (signal) => {
    writeFileSync(partial, 'half a file');
    try {
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    } finally {
      rmSync(partial);
    }
  });
  process.emit('SIGINT');
  await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect(existsSync(partial)).toBe(false);
  expect(process.listenerCount('SIGINT')).toBe(before);
  rmSync(directory, { recursive: true });
});
