import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guardIncarnation } from '#libs/kernel';
import { lockDirectory } from './directory-lock.ts';

describe('the lock of a data directory', () => {
  let parent: string;
  let directory: string;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'directory-lock-'));
    directory = join(parent, 'data');
  });

  afterEach(() => rmSync(parent, { recursive: true }));

  /** Another process takes the lock, as a guard does, and holds it until it is killed, or for this long. */
  async function held(forSeconds = 60): Promise<() => Promise<void>> {
    const path = `${directory}.matriarch-guard`;
    const hold = `echo held; exec sleep ${forSeconds}`;
    const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', hold]);
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    return async () => {
      const gone = new Promise((resolve) => holder.once('exit', resolve));
      process.kill(holder.pid ?? 0, 'SIGKILL');
      await gone;
    };
  }

  it('is refused to a second one, with the pid of the first', () => {
    expect(lockDirectory(directory, guardIncarnation('a')).predecessors).toEqual([]);
    expect(lockDirectory(join(parent, 'other'), guardIncarnation('x')).predecessors).toEqual([]);
    // Each call opens the file anew, and an flock belongs to the open file: the first still holds it.
    expect(() => lockDirectory(directory, guardIncarnation('b'))).toThrow(
      expect.objectContaining({
        code: 'DIRECTORY_LOCKED',
        message: expect.stringContaining('pid'),
      }),
    );
  });

  it('is refused while another process has it, also through another path', async () => {
    mkdirSync(directory);
    const release = await held();
    symlinkSync(directory, join(parent, 'alias'));
    for (const path of [directory, join(parent, 'alias'), `${directory}/../data/`]) {
      expect(() => lockDirectory(path, guardIncarnation('b'))).toThrow(
        expect.objectContaining({ code: 'DIRECTORY_LOCKED' }),
      );
    }
    await release();
  });

  it('is waited for while the last of a dying holder goes', async () => {
    await held(0.2);
    const { predecessors } = lockDirectory(directory, guardIncarnation('b'), 20_000);
    expect(predecessors).toEqual([]);
  });

  it('says what is wrong where no lock can be made', () => {
    expect(() => lockDirectory('/proc/data', guardIncarnation('a'))).toThrow(
      expect.objectContaining({ code: 'DIRECTORY_LOCK_FAILED' }),
    );
  });
});
