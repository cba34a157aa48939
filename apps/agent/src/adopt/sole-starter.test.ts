import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SoleStarter } from './sole-starter.ts';

let root: string;
let conf: string;
const said: string[] = [];
const log = {
  info: (...words: unknown[]) => void said.push(JSON.stringify(words)),
  warn: (...words: unknown[]) => void said.push(JSON.stringify(words)),
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'matriarch-host-'));
  said.length = 0;
  const debian = join(root, 'etc/postgresql/15/main');
  const units = join(root, 'usr/lib/systemd/system');
  for (const made of [debian, units, join(root, 'data')]) mkdirSync(made, { recursive: true });
  conf = join(debian, 'start.conf');
  writeFileSync(conf, 'auto\n');
  writeFileSync(join(debian, 'postgresql.conf'), `data_directory = '${root}/data'\n`);
  writeFileSync(join(units, 'postgresql@.service'), '');
  writeFileSync(join(units, 'postgresql-15.service'), `Environment=PGDATA=${root}/data\n`);
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

it('disables what is its own to disable, also when it is written again, and names what is root’s once', () => {
  const starter = new SoleStarter(join(root, 'data'), log, root);
  starter.look(0);
  expect(readFileSync(conf, 'utf8')).toMatch(/^disabled/);
  expect(said).toEqual([
    expect.stringContaining('nothing but the guard starts it now'),
    expect.stringMatching(/beside its guard.*\["postgresql-15.service"\].*guard --mask/),
  ]);
  writeFileSync(conf, 'auto\n');
  starter.look(59_000);
  expect(readFileSync(conf, 'utf8')).toBe('auto\n');
  starter.look(60_000);
  expect(readFileSync(conf, 'utf8')).toMatch(/^disabled/);
  expect(said.filter((line) => line.includes('guard --mask'))).toHaveLength(1);
});
