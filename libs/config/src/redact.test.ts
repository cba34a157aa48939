import { describe, expect, it } from 'vitest';
import { redact } from './redact.ts';

describe('redact', () => {
  it.each([
    [{ password: 'x' }, { password: '***' }],
    [
      { superuser: { username: 'a', password: 'x' } },
      { superuser: { username: 'a', password: '***' } },
    ],
    [{ password: null }, { password: null }],
    [{ lsn: 5n }, { lsn: '5' }],
    ["host=a password='x y' user=b", 'host=a password=*** user=b'],
    ['PGPASSWORD=secret psql', 'PGPASSWORD=*** psql'],
    ['postgres://u:p4ss@h:5432/d', 'postgres://u:***@h:5432/d'],
    ['http://h:7401/api', 'http://h:7401/api'],
    [
      { tokens: 5, passwordFile: '/x' },
      { tokens: 5, passwordFile: '/x' },
    ],
    [
      ['a', { replicationPassword: 'x' }],
      ['a', { replicationPassword: '***' }],
    ],
  ])('case %#', (given, expected) => {
    expect(redact(given)).toEqual(expected);
  });
});
