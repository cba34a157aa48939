/** Whom a cluster is to follow is asked before its primary stops: nobody would write if that one were not there. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Remote } from '#libs/cluster';
import { freePort } from '../../hosts/free-port.ts';
import { LocalCluster } from '../postgres/local-instance.ts';
import { until } from '../until.ts';
import { passwords, RebuildRig } from './rebuild-rig.ts';

let rig: RebuildRig;
let others: LocalCluster;

beforeAll(async () => {
  const custom = { restore: ['false'], fetchWal: ['false'], archiveWal: ['true'] };
  rig = await RebuildRig.create({ config: () => ({ backup: { custom } }) });
  await rig.start({ archive: { tool: 'custom' } });
  await rig.streaming();
  others = await LocalCluster.make();
});

afterAll(async () => {
  await rig?.remove();
  await others?.cleanUp();
});

type Order = { readonly remote: Remote };

const at = (host: string, port: number, slot: string | null = null): Order => ({
  remote: { host, port, slot, user: null },
});

/** What the order came to: the reason why it was given up, with the primary as it was. */
async function refusalOf(order: Order): Promise<string> {
  const { leader, primary } = rig;
  const before = leader.events.length;
  const postmaster = primary.postmasterPid();
  const command = { type: 'demoteCluster', acceptUnknown: false, ...order } as const;
  expect(leader.command(command).kind).toBe('decided');
  const { reason } = await rig.event('ClusterDemotionAbandoned', before);
  expect(rig.primary.postmasterPid()).toBe(postmaster);
  expect((await rig.psql(primary, 'SELECT pg_is_in_recovery()')).stdout.trim()).toBe('f');
  return reason;
}

it('where nobody listens', async () => {
  const port = await freePort();
  const reason = await refusalOf(at('127.0.0.1', port));
  expect(reason).toContain(`127.0.0.1:${port} does not answer: connect ECONNREFUSED`);
  expect(reason).toContain('--yes');
});

it('where another database is, also beside one that would do', async () => {
  const foreign = await others.primary('foreign');
  for (const { username, password } of [passwords.replication, passwords.rewind]) {
    await foreign.sql(`SET password_encryption = 'scram-sha-256'`);
    const quoted = password.replaceAll("'", "''");
    await foreign.sql(`CREATE ROLE ${username} LOGIN REPLICATION PASSWORD '${quoted}'`);
  }
  const theirs = await foreign.sql('SELECT system_identifier::text FROM pg_control_system()');
  // Of the same database, by a name that no member has.
  const { port } = rig.standby;
  const reason = await refusalOf(at(`localhost:${port},127.0.0.1:${foreign.port}`, 5432));
  expect(reason).toContain(
    `127.0.0.1:${foreign.port} holds another database: its system identifier is ${theirs}, ours ${rig.leader.state?.systemIdentifier}`,
  );
});

it('where a password is another one, or the slot is missing', async () => {
  const strangers = await others.primary('strangers');
  const refused = await refusalOf(at('127.0.0.1', strangers.port));
  expect(refused).toContain(`127.0.0.1:${strangers.port} refuses replicator`);
  const { port } = rig.standby;
  expect(await refusalOf(at('localhost', port, 'site_b'))).toContain('has no slot site_b');
});

it('of an archive from which this host fetches nothing', async () => {
  const reason = await refusalOf({ remote: { archive: 'walg' } });
  expect(reason).toContain('backup.walg of this host fetches no WAL');
});

it('on a word it stops all the same, and without one where a host of several can be followed', async () => {
  const before = rig.leader.events.length;
  const order = at(`localhost:${rig.standby.port},127.0.0.1:${await freePort()}`, 5432);
  const command = { type: 'demoteCluster', acceptUnknown: false, ...order } as const;
  expect(rig.leader.command(command).kind).toBe('decided');
  expect((await rig.event('ClusterDemoted', before)).stoppedAt).not.toBeNull();

  const leader = rig.leader.state?.following;
  const promote = { type: 'promoteCluster', lastWritten: leader?.stoppedAt ?? null } as const;
  await until(
    () => rig.leader.command({ ...promote, acceptUnknown: true }).kind === 'decided',
    60_000,
  );
  await rig.streaming();
  const again = rig.leader.events.length;
  const nowhere = at('127.0.0.1', await freePort());
  const byWord = { type: 'demoteCluster', acceptUnknown: true, ...nowhere } as const;
  expect(rig.leader.command(byWord).kind).toBe('decided');
  expect((await rig.event('ClusterDemoted', again)).stoppedAt).not.toBeNull();
  expect(rig.leader.problems).toEqual([]);
});
