import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CertificateError } from './errors.ts';
import { reloadOnHangup } from './reload-on-hangup.ts';

it('SIGHUP reads the certificates again, and says so when they do not serve', async () => {
  const signals = new EventEmitter();
  const lines: unknown[] = [];
  const note = (message: string, fields?: object): void => void lines.push([message, fields]);
  let wrong = false;
  let reads = 0;
  const reload = async (): Promise<void> => {
    reads += 1;
    if (wrong) throw new CertificateError('/certs/a.crt', 'it is for another group or name');
  };
  const validToMs = Date.parse('2027-01-01T00:00:00Z');
  const end = reloadOnHangup({ reload, validToMs }, { info: note, error: note }, signals as never);
  signals.emit('SIGHUP');
  await turn();
  wrong = true;
  signals.emit('SIGHUP');
  await turn();
  expect(lines).toEqual([
    ['certificates read again', { validUntil: '2027-01-01T00:00:00.000Z' }],
    [
      'certificates not read again',
      { code: 'BAD_CERTIFICATE', why: expect.stringContaining('another group or name') },
    ],
  ]);
  end();
  signals.emit('SIGHUP');
  expect(reads).toBe(2);
});
