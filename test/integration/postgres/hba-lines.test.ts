import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkHbaLine, checkIdentLine } from '#libs/postgres-model';
import { LocalCluster, type LocalInstance } from './local-instance.ts';

let cluster: LocalCluster;
let server: LocalInstance;

beforeAll(async () => {
  cluster = await LocalCluster.make();
  server = await cluster.primary('pg1');
}, 60_000);

afterAll(async () => cluster?.cleanUp());

const HBA_LINES = [
  'local all all trust',
  'local "my db",other +group peer map=people',
  'local all @admins peer',
  'local all all gss',
  'local all all cert',
  'local all all',
  'host all all 10.0.0.0/8 scram-sha-256',
  'host all all 10.0.0.0/33 md5',
  'host all all 10.0.0.0/x md5',
  'host all all 10.0.0.1 md5',
  'host all all 10.0.0.1 255.255.255.255 md5',
  'host all all 10.0.0.1 ffff:: md5',
  'host all all 999.0.0.1/8 md5',
  'host all all 10.0.0.0/8,11.0.0.0/8 md5',
  'host all all ::1/128 md5',
  'host all all ::1/129 md5',
  'host all all fd00:: ffff:: reject',
  'host all all all md5,trust',
  'host all all samenet password',
  'host all all db1.example.org trust',
  'host all all .example.org trust',
  'host all all db1.example.org/24 trust',
  'host all all all peer',
  'host all all all cert',
  'host all all all ident map=people',
  'host all all all md5 map=people',
  'host all all all gss include_realm=0 krb_realm=EXAMPLE',
  'host all all all md5 clientcert=verify-ca',
  'host all all all pam pamservice=postgres',
  'host all all all pam pamservise=postgres',
  'host all all all trust yes',
  'host all all all ldap',
  'host all all all ldap ldapserver=x',
  'host all all all ldap ldapserver=x ldapprefix="cn="',
  'host all all all ldap ldapurl="ldap://x/dc=a?uid?sub"',
  'host all all all radius radiusservers=127.0.0.1',
  'host all all all radius radiusservers=127.0.0.1 radiussecrets=a',
  'hostgssenc all all all md5',
  'hostgssenc all all all trust',
  'hostnossl all all all scram-sha-256',
  'host all all',
  'host all',
  'host',
  'hots all all all trust',
  'host all all all md6',
];

/** Before 15 there is no view that tells what PostgreSQL thinks of that file. */
const tellsOfIdent = Number(process.env['MATRIARCH_TEST_MAJOR'] ?? 15) >= 15;

/** What is not alike for each build, or each setting of the server, is not asked of it. */
const IDENT_LINES = [
  'people alice app',
  'people "alice smith" app',
  'people alice',
  'people /^(.*)@example\\.org$ \\1',
];

describe('a line that PostgreSQL would refuse', () => {
  it.each(HBA_LINES)('of pg_hba.conf: %s', async (line) => {
    const file = join(server.dataDirectory, 'pg_hba.conf');
    writeFileSync(file, `local all all trust\n${line}\n`);
    const error = await server.sql('SELECT error FROM pg_hba_file_rules WHERE line_number = 2');
    expect([line, whyNot(checkHbaLine, line) === null]).toEqual([line, error === null]);
  });

  it.each(tellsOfIdent ? IDENT_LINES : [])('of pg_ident.conf: %s', async (line) => {
    writeFileSync(join(server.dataDirectory, 'pg_ident.conf'), `${line}\n`);
    const error = await server.sql('SELECT error FROM pg_ident_file_mappings');
    expect([line, whyNot(checkIdentLine, line) === null]).toEqual([line, error === null]);
  });
});

function whyNot(check: (line: string) => void, line: string): string | null {
  try {
    check(line);
    return null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error.message;
  }
}
