import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DirectoryFiles } from './directory-files.ts';

const NOBODY = 65_534;
let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'files-'));
  writeFileSync(join(data, 'matriarch.conf'), "work_mem = '8MB'\n");
  writeFileSync(join(data, 'standby.signal'), '');
});
afterEach(() => rmSync(data, { recursive: true }));

it.skipIf(process.getuid?.() !== 0)(
  'a directory that was given to another user beneath PostgreSQL ends no look, and is told',
  () => {
    chownSync(data, NOBODY, NOBODY);
    const files = new DirectoryFiles(data);
    const asNobody = () => {
      process.seteuid?.(NOBODY);
      try {
        return files.look(true);
      } finally {
        process.seteuid?.(0);
      }
    };
    const open = asNobody();
    expect(open).toMatchObject({ closed: null, managed: { work_mem: '8MB' }, standbySignal: true });
    chownSync(data, 0, 0);
    chmodSync(data, 0o700);
    expect(asNobody()).toMatchObject({
      closed: { kind: 'unusable', why: expect.stringContaining('belongs to uid 0') },
      managed: { work_mem: '8MB' },
      standbySignal: true,
    });
    chownSync(data, NOBODY, NOBODY);
    expect(asNobody()).toEqual(open);
  },
);

it('a postmaster that somebody started is seen also where the directory is a symbolic link (safety 10)', () => {
  const link = `${data}.link`;
  symlinkSync(data, link);
  const started = spawn('sleep', ['60'], { cwd: data });
  try {
    writeFileSync(join(data, 'postmaster.pid'), `${started.pid}\n${data}\n1\n5432\n/tmp\n\n`);
    expect(new DirectoryFiles(data).look(true).postmasterPid).toBe(started.pid);
    expect(new DirectoryFiles(link).look(true).postmasterPid).toBe(started.pid);
    expect(new DirectoryFiles(link).look(false).postmasterPid).toBeNull();
  } finally {
    started.kill('SIGKILL');
    rmSync(link);
  }
});
