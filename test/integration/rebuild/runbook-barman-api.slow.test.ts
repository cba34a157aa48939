/** The part of Barman's runbook about its REST API, followed as written: Barman, rsync, SSH and TLS are real, the API stands in. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { osUser, ProcessError, run } from '#libs/process';
import {
  PgBackupApiStandIn,
  type Recovered,
} from '../../../libs/backup/src/testing/pg-backup-api-stand-in.ts';
import { until } from '../until.ts';
import { BackupHosts } from './backup-hosts.ts';
import { Runbook } from './runbook.ts';
import { RunbookCluster } from './runbook-cluster.ts';

const USER = osUser('postgres');
const FILES = ['barman-ca.crt', 'barman-client.crt', 'barman-client.key'];
const barman = new Runbook('backup-barman');
const rest = barman.part('By the REST API');
const path = process.env['PATH'];
let site: RunbookCluster;
let backups: BackupHosts;
let api: PgBackupApiStandIn;

beforeAll(async () => {
  site = await RunbookCluster.create(2);
  backups = new BackupHosts(site);
  process.env['PATH'] = `${site.owned('bin')}:${await backups.prepare()}:${path}`;
  await backups.startSsh();
  site.addToClusterFile({
    rebuild: { methods: ['pg_rewind', 'barman', 'basebackup'] },
    bootstrap: { sql: ['CREATE ROLE barman LOGIN SUPERUSER REPLICATION'] },
    pgHba: [
      ...['local all all trust', 'local replication all trust'],
      ...['host all barman 127.0.0.1/32 trust', 'host replication barman 127.0.0.1/32 trust'],
    ],
  });
  site.addToAgentFile('pg2', { tags: { noFailover: true } });
  await site.start();
  const primary = await site.whole();
  await site.psql(primary, 'CREATE TABLE kept AS SELECT 7 AS a');
  await backups.startBarman(primary);
  api = await PgBackupApiStandIn.listen({
    diagnose: () => backups.barman('diagnose'),
    recover,
    tls: { ...certificates(), requestCert: true },
  });
}, 240_000);

afterAll(async () => {
  process.env['PATH'] = path;
  await api?.close();
  backups?.stop();
  await site?.remove();
}, 120_000);

async function recover(argv: readonly string[]): Promise<Recovered> {
  try {
    return { exitCode: 0, output: await backups.barman('recover', ...argv) };
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    return { exitCode: error.failure.exitCode ?? 1, output: error.message };
  }
}

/** One that signs itself, for the web server, its authority and us; beside each agent's file. */
function certificates() {
  const [key, cert] = [join(site.directory, 'key'), join(site.directory, 'cert')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const names = ['-subj', '/CN=barman', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-nodes', '-days', '2', '-keyout', key, '-out', cert];
  execFileSync('openssl', [...made, ...names, ...files], { stdio: 'ignore' });
  const pem = { key: readFileSync(key), cert: readFileSync(cert), ca: readFileSync(cert) };
  for (const { name } of site.hosts) {
    for (const file of FILES) {
      const beside = join(placeOf(name), 'tls');
      execFileSync('mkdir', ['-p', beside]);
      execFileSync('cp', [file.endsWith('.key') ? key : cert, join(beside, file)]);
      chownSync(join(beside, file), USER.uid, USER.gid);
      chmodSync(join(beside, file), 0o600);
    }
  }
  return pem;
}

function placeOf(name: string): string {
  return dirname(site.running.instance(name).configFile);
}

/** Its own word: the controllers go on showing what it said last. */
async function agentAnswers(): Promise<boolean> {
  const { said } = await site.type('matriarch reinit main/pg2 --dry-run');
  return !/does not answer at|HTTP status 503/.test(said);
}

const here = (text: string) => text.replaceAll('https://backup1:7480', api.url);

it('backup-barman: its REST API answers, and a rebuild', { timeout: 240_000 }, async () => {
  const [ask = ''] = rest.commands('curl');
  const answer = await run(['sh', '-c', `cd ${placeOf('pg2')} && ${here(ask)}`], {
    timeoutMs: 20_000,
    runAs: USER,
  });
  expect(answer.stdout).toBe('"OK"');
  for (const { name } of site.hosts) {
    const keys = parse(here(rest.block('backup:'))) as Record<string, object>;
    site.addToAgentFile(name, keys);
    await site.restartAgent(name);
  }
  await site.whole();
  // An agent that was just started is not told from the one before it.
  await until(agentAnswers, 30_000);
  for (const command of barman.commands('matriarch reinit')) {
    const { exitCode, said } = await site.type(command);
    expect(exitCode, `${command}: ${said}`).toBe(0);
    expect(said).toMatch(
      command.includes('--dry-run')
        ? /barman\s+ok.*by https:/
        : /pg2 is built anew by barman and streams/,
    );
  }
  expect(api.recoveries).toHaveLength(1);
  await site.whole();
  const kept = await site.psql(site.host('pg2'), 'SELECT a FROM kept');
  expect(kept.stdout.trim()).toBe('7');
});
