import { describe, expect, it } from 'vitest';
import { DomainError } from '#libs/kernel';
import { createLogger } from './logger.ts';
import { nestLogger } from './nest-logger.ts';

class TooFarError extends DomainError {
  readonly code = 'TOO_FAR';
}

function recording(level: 'info' | 'trace' = 'info') {
  const lines: Record<string, unknown>[] = [];
  const destination = {
    write: (line: string) => {
      lines.push(JSON.parse(line) as Record<string, unknown>);
    },
  };
  const log = createLogger({ process: 'agent', level, fields: { instance: 'pg1' }, destination });
  return { log, lines };
}

describe('a log line', () => {
  it('has level, time, process, the fields and a constant message', () => {
    const { log, lines } = recording();
    log.info('promotion ordered', { timeline: 2, lsn: 7n });
    log.debug('not important enough');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        process: 'agent',
        instance: 'pg1',
        timeline: 2,
        lsn: '7',
        message: 'promotion ordered',
      },
    ]);
  });

  it('hides passwords wherever they stand', () => {
    const { log, lines } = recording();
    const deep = { superuser: { username: 'a', password: 'hush' } };
    log.child({ password: 'hush' }).warn('x', { deep, conninfo: 'user=a password=hush' });
    log.error('y', { error: new Error('connect password=hush failed') });
    expect(JSON.stringify(lines)).not.toContain('hush');
    expect(lines).toHaveLength(2);
  });

  it('keeps code and causes of an error, and a stack only of one that nobody expected', () => {
    const { log, lines } = recording();
    const cause = new Error('no route');
    log.error('expected', { error: new TooFarError('too far', { cause }) });
    log.error('unexpected', { error: new TypeError('oops') });
    expect(lines[0]?.['error']).toEqual({
      name: 'TooFarError',
      code: 'TOO_FAR',
      message: 'too far',
      causes: ['no route'],
    });
    expect(lines[1]?.['error']).toMatchObject({
      stack: expect.stringContaining('TypeError: oops'),
    });
  });

  it("carries Nest's context and levels", () => {
    const { log, lines } = recording('trace');
    const nest = nestLogger(log);
    nest.log('Nest application started', 'NestApplication');
    nest.verbose('detail', 'Router');
    nest.error('failed', 'the stack', 'ExceptionsHandler');
    expect(lines.map(({ level, message, context }) => [level, message, context])).toEqual([
      ['info', 'Nest application started', 'NestApplication'],
      ['trace', 'detail', 'Router'],
      ['error', 'failed', 'ExceptionsHandler'],
    ]);
  });
});
