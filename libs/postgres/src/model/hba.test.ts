import { describe, expect, it } from 'vitest';
import { checkHbaLine, renderHba } from './hba.ts';

describe('pg_hba.conf', () => {
  it('renders rules and raw lines in their order', () => {
    const text = renderHba([
      { connection: 'local', databases: ['all'], users: ['postgres'], method: 'peer' },
      {
        connection: 'hostssl',
        databases: ['replication'],
        users: ['replicator', 'a b'],
        address: '10.0.0.0/8',
        method: 'cert',
        options: { clientcert: 'verify-full', map: 'my map' },
      },
      'host all all 0.0.0.0/0 scram-sha-256',
    ]);
    expect(text.split('\n').slice(1)).toEqual([
      'local all postgres peer',
      'hostssl replication replicator,"a b" 10.0.0.0/8 cert clientcert=verify-full map="my map"',
      'host all all 0.0.0.0/0 scram-sha-256',
      '',
    ]);
  });

  it.each([
    { line: '' },
    { line: '# a comment' },
    { line: 'host all all 10.0.0.1 255.255.255.255 md5' },
    { line: 'host all all ::1/128 scram-sha-256 # why' },
    { line: 'host "my db" all .example.com ldap ldapserver=x ldapbasedn="dc=a, dc=b"' },
    { line: 'local db1, db2 all trust' },
  ])('takes $line', ({ line }) => {
    expect(() => checkHbaLine(line)).not.toThrow();
  });

  it.each([
    { line: 'hots all all 10.0.0.1/32 md5', why: 'is none of' },
    { line: 'host all all md5', why: 'ends before the method' },
    { line: 'host all all 10.0.0.1/32 md6', why: 'no authentication method' },
    { line: 'local all all trust yes', why: 'name=value' },
    { line: 'host "all all ::1/128 trust', why: 'not closed' },
    { line: 'local all all trust\nlocal all all trust', why: 'more than one line' },
    { line: 'include /etc/passwd', why: 'not managed' },
    { line: 'local all app,@admins peer', why: 'not managed' },
    { line: 'host all all 10.0.0.1 md5', why: 'needs a mask: write 10.0.0.1/32' },
    { line: 'host all all 10.0.0.0/33 md5', why: 'up to 32' },
    { line: 'host all all all md5,trust', why: 'several values for the method' },
    { line: 'host all all all peer', why: 'for local connections only' },
    { line: 'host all all all md5 map=people', why: "'map' is an option of ident, peer" },
    { line: 'hostssl all all all md5 clientcert=1', why: 'verify-ca or verify-full' },
    { line: 'host all all all ldap ldapserver=x', why: 'needs ldapbasedn' },
  ])('refuses $line', ({ line, why }) => {
    expect(() => checkHbaLine(line)).toThrow(why);
  });
});
