import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type InstanceProcesses, ProcessesInDirectory } from '#libs/process';
import { GuardLog } from './guard-log.ts';
import { Postmaster } from './postmaster.ts';
import { SystemClock } from './system-clock.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'unproved-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

it('says what keeps it from proving that postgresql is down, and goes on until it is proved', async () => {
  let hidden = [4711];
  const told: string[] = [];
  const processes: InstanceProcesses = {
    scan: () => ({ processes: [], unreadable: hidden }),
    startTicks: () => undefined,
  };
  const dataDirectory = join(directory, 'data');
  const settings = { user: 'postgres', dataDirectory, binary: 'postgres', arguments: [] };
  const postmaster = new Postmaster(
    { ...settings, logFile: join(directory, 'log') },
    {
      processes,
      log: new GuardLog(new SystemClock(), { process: 'guard', cluster: 'demo', instance: 'pg1' }),
      onChange: () => undefined,
      onUnproved: (why) => {
        told.push(why);
        hidden = [];
      },
    },
  );
  expect(await postmaster.sweep()).toBe(0);
  expect(told).toEqual([
    'PostgreSQL processes of the same user may not be looked at, of a container? pid 4711',
  ]);
});

it('does not start, and goes on, where the data directory went away after it was looked at', () => {
  const dataDirectory = join(directory, 'gone');
  const settings = { user: 'postgres', dataDirectory, binary: 'postgres', arguments: [] };
  const postmaster = new Postmaster(
    { ...settings, logFile: join(directory, 'log') },
    {
      processes: new ProcessesInDirectory(dataDirectory),
      log: new GuardLog(new SystemClock(), { process: 'guard', cluster: 'demo', instance: 'pg1' }),
      onChange: () => undefined,
      onUnproved: () => undefined,
    },
  );
  expect(postmaster.start()).toBe(false);
});
