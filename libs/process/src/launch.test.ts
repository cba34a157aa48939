import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { OsUserError, osUser, parsePasswdLine } from './os-user.ts';
import {
  dieWithParentArgv,
  hasCapabilities,
  LAUNCHER_ORPHANED_EXIT_CODE,
  testDeathSignal,
} from './pdeathsig.ts';

function launch(parentPid: number, program: readonly string[]) {
  const argv = dieWithParentArgv({ parentPid, program });
  return spawnSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8' });
}

describe('the launcher', () => {
  it('starts its program, with its arguments as they are, when the parent is the one meant', () => {
    const { status, stdout } = launch(process.pid, ['printf', '%s|', '-D', 'a b', '$HOME']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '-D|a b|$HOME|' });
  });

  it('starts nothing when the parent is another one (safety 13)', () => {
    const { status, stdout } = launch(process.pid + 1, ['echo', 'started']);
    expect({ status, stdout }).toEqual({ status: LAUNCHER_ORPHANED_EXIT_CODE, stdout: '' });
  });

  it('is proved by a child that dies', async () => {
    const result = await testDeathSignal();
    expect(result).toMatchObject({ kind: 'works' });
  });

  it('says of a process that has vanished that it has none', () => {
    expect(hasCapabilities(999_999_999)).toBe(false);
  });
});

describe('OS users', () => {
  it('reads passwd lines', () => {
    const user = { name: 'postgres', uid: 101, gid: 104, home: '/var/lib/postgresql' };
    const line = 'postgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n';
    expect(parsePasswdLine(line)).toEqual(user);
    expect(parsePasswdLine('nonsense')).toBeUndefined();
    expect(parsePasswdLine('a:x::1::/:/bin/sh')).toBeUndefined();
  });

  it('finds root, and says so when there is no such user', () => {
    expect(osUser('root')).toMatchObject({ uid: 0, gid: 0 });
    expect(() => osUser('no-such-user')).toThrow(OsUserError);
  });
});
