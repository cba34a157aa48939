import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { FUSE_FIRED_EXIT_CODE, fuseArgv, isFuseOf, UNLIT } from './fuse-script.ts';

describe('the command line of a fuse', () => {
  const title = ['bash', ...fuseArgv('/srv/a b/data', 123_450)].join(' ');

  it.each([
    { directory: '/srv/a b/data', title, is: true },
    { directory: '/srv/a b', title, is: false },
    { directory: '/srv/a b/data2', title, is: false },
    { directory: '/srv/a b/data', title: 'tail -f matriarch-fuse /srv/a b/data x', is: false },
  ])('of $directory: $is', ({ directory, title: shown, is }) => {
    expect(isFuseOf(directory, shown)).toBe(is);
  });
});

describe('a fuse that is not lit', () => {
  const directory = mkdtempSync(join(tmpdir(), 'matriarch-fuse-'));
  const started: ChildProcess[] = [];

  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function start(program: string, argv: readonly string[]): ChildProcess {
    const child = spawn(program, argv, { cwd: directory, stdio: ['pipe', 'ignore', 'ignore'] });
    started.push(child);
    return child;
  }

  /** The fuse stands elsewhere, as the guard starts it: what stands in the directory is killed. */
  function startFuse(): ChildProcess {
    const argv = fuseArgv(directory, UNLIT);
    const child = spawn('bash', argv, { cwd: '/', stdio: ['pipe', 'ignore', 'ignore'] });
    started.push(child);
    return child;
  }

  it('ends nothing when the guard is gone', async () => {
    const postgres = start('sleep', ['60']);
    const fuse = startFuse();
    fuse.stdin?.end();
    expect(await once(fuse, 'exit')).toEqual([0, null]);
    expect(postgres.exitCode ?? postgres.signalCode).toBeNull();
  });

  it('ends what stands in the directory at the first deadline that it is told', async () => {
    const postgres = start('sleep', ['60']);
    const gone = once(postgres, 'exit');
    const fuse = startFuse();
    const ended = once(fuse, 'exit');
    fuse.stdin?.write('1000\n');
    expect(await gone).toEqual([null, 'SIGKILL']);
    expect(await ended).toEqual([FUSE_FIRED_EXIT_CODE, null]);
  });

  it('ends them with the guard once it is lit', async () => {
    const postgres = start('sleep', ['60']);
    const gone = once(postgres, 'exit');
    const fuse = startFuse();
    fuse.stdin?.write(`${Number.MAX_SAFE_INTEGER}\n`);
    fuse.stdin?.end();
    expect(await gone).toEqual([null, 'SIGKILL']);
  });
});
