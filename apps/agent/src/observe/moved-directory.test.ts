import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { movedTo } from './moved-directory.ts';

it('tells where the data directory of a process was moved to, and nothing while it is there', () => {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), 'moved-')));
  const [data, link, away] = ['data', 'link', 'away'].map((name) => join(parent, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(data);
  symlinkSync(data, link);
  const child = spawn('sleep', ['30'], { cwd: link, stdio: 'ignore' });
  const pid = child.pid ?? null;
  try {
    expect([movedTo(pid, data), movedTo(pid, link), movedTo(null, data)]).toEqual([
      null,
      null,
      null,
    ]);
    renameSync(data, away);
    expect(movedTo(pid, data)).toBe(away);
    mkdirSync(data);
    expect(movedTo(pid, link)).toBe(away);
  } finally {
    child.kill('SIGKILL');
    rmSync(parent, { recursive: true });
  }
});
