import { describe, expect, it } from 'vitest';
import { postmasterEnvironment, postmasterProgram } from './postmaster-command.ts';

describe('the command of the postmaster', () => {
  it('never lets PostgreSQL restart itself, whatever was configured', () => {
    const program = postmasterProgram({
      user: 'postgres',
      dataDirectory: '/data',
      binary: '/bin/postgres',
      arguments: ['-c', 'restart_after_crash=on'],
      logFile: '/log',
    });
    expect(program.slice(0, 3)).toEqual(['/bin/postgres', '-D', '/data']);
    expect(program.slice(-2)).toEqual(['-c', 'restart_after_crash=off']);
  });

  it('hands on neither the notify socket, nor the OOM protection, nor what was exported for psql', () => {
    const env = postmasterEnvironment({
      PATH: '/bin',
      NOTIFY_SOCKET: '/run/n',
      NODE_OPTIONS: '-x',
      PGPASSWORD: 'of another server',
      PGSSLMODE: 'require',
    });
    expect(env).toEqual({
      PATH: '/bin',
      PGSSLMODE: 'require',
      PG_OOM_ADJUST_FILE: '/proc/self/oom_score_adj',
      PG_OOM_ADJUST_VALUE: '0',
    });
  });
});
