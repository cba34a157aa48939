/** A cluster is told to follow another that had gone on by itself, on a timeline which nobody here has ever seen. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { baseBackup } from '#libs/postgres-run';
import { freePort } from '../../hosts/free-port.ts';
import { LocalCluster, type LocalInstance } from '../postgres/local-instance.ts';
import { until } from '../until.ts';
import { passwords, RebuildRig } from './rebuild-rig.ts';

const REBUILT_LIMIT_MS = 50_000;

let rig: RebuildRig;
let others: LocalCluster;
let remote: LocalInstance;

beforeAll(async () => {
  // Nothing is rewound: both instances need a copy, and the leader's can only be one of the remote.
  rig = await RebuildRig.create({
    definition: {
      rebuild: {
        ...{ methods: ['basebackup'], automaticRebuild: 'whenSafe', inPlaceAlone: false },
        bandwidthBytesPerSecond: null,
      },
    },
  });
  await rig.start();
  await rig.streaming();
  others = await LocalCluster.make();
  remote = await others.instance('remote');
  const { username: user, password } = passwords.replication;
  const from = { host: '127.0.0.1', port: String(rig.primary.port), user, dbname: 'postgres' };
  const { dataDirectory } = remote;
  const copy = { dataDirectory, source: from, secrets: { password }, timeoutMs: 60_000 };
  await baseBackup(others.installation, copy);
  remote.configure({ max_connections: '100', max_wal_senders: '20' });
  await remote.startStandby();
});

afterAll(async () => {
  await rig?.remove();
  await others?.cleanUp();
});

it('both of its instances are built anew, the first one from there', {
  timeout: 240_000,
}, async () => {
  await remote.sql('SELECT pg_promote(true)');
  await remote.sql('CREATE TABLE of_the_remote ()');
  await rig.psql(rig.primary, 'CREATE TABLE written_alone AS SELECT generate_series(1, 10000)');
  const before = rig.leader.events.length;
  const place = { host: '127.0.0.1', port: remote.port, slot: null, user: null };
  const order = { type: 'demoteCluster', remote: place, acceptUnknown: false } as const;
  expect(rig.leader.command(order).kind).toBe('decided');
  await rig.event('ClusterDemoted', before);
  const beganMs = performance.now();
  for (const host of rig.hosts) {
    await until(async () => {
      const is =
        "to_regclass('of_the_remote') IS NOT NULL AND to_regclass('written_alone') IS NULL";
      const { stdout } = await rig.psql(host, `SELECT ${is}`).catch(() => ({ stdout: '' }));
      return stdout.trim() === 't';
    }, REBUILT_LIMIT_MS).catch((cause: unknown) => {
      throw new Error(`${host.name} is not rebuilt: ${rig.said()}`, { cause });
    });
  }
  // A method that failed would be tried again after a minute only.
  expect(performance.now() - beganMs).toBeLessThan(REBUILT_LIMIT_MS);
  const types = rig.leader.events.slice(before).map(({ event }) => event.type);
  expect(types).not.toContain('RebuildMethodFailed');
  expect(rig.leader.problems).toEqual([]);
});

type Place = { readonly host: string; readonly port: number; readonly slot: string | null };

/** Tells the cluster to follow another one; what its leader found there, or null when it follows. */
async function toldToFollow(place: Place): Promise<string | null> {
  const before = rig.leader.events.length;
  const order = { type: 'demoteCluster', remote: { ...place, user: null } } as const;
  expect(rig.leader.command({ ...order, acceptUnknown: false }).kind).toBe('decided');
  const over = await until(
    () =>
      rig.leader.events
        .slice(before)
        .map(({ event }) => event)
        .find(({ type }) => type === 'RemoteChangeRefused' || type === 'RemoteChanged'),
    60_000,
  );
  return over.type === 'RemoteChangeRefused' ? over.reason : null;
}

async function stillStreams(): Promise<void> {
  const name = `row_${Math.round(performance.now())}`;
  await remote.sql(`CREATE TABLE ${name} ()`);
  for (const host of rig.hosts) {
    await until(async () => {
      const sql = `SELECT to_regclass('${name}') IS NOT NULL`;
      return (await rig.psql(host, sql)).stdout.trim() === 't';
    }, REBUILT_LIMIT_MS);
  }
}

it('follows on when it is told to follow whom it could not, and says why', async () => {
  const leader = rig.leader.state?.following?.leader ?? '';
  const postmasters = rig.hosts.map((host) => host.postmasterPid());
  const port = await freePort();
  const nowhere = await toldToFollow({ host: '127.0.0.1', port, slot: null });
  expect(nowhere).toContain(`${leader}: 127.0.0.1:${port} does not answer: connect ECONNREFUSED`);

  const strangers = await others.primary('strangers');
  const refused = await toldToFollow({ host: '127.0.0.1', port: strangers.port, slot: null });
  expect(refused).toContain(`127.0.0.1:${strangers.port} refuses replicator`);
  for (const { username, password } of [passwords.replication, passwords.rewind]) {
    const quoted = password.replaceAll("'", "''");
    await strangers.sql(`CREATE ROLE ${username} LOGIN REPLICATION PASSWORD '${quoted}'`);
  }
  const foreign = await toldToFollow({ host: '127.0.0.1', port: strangers.port, slot: null });
  expect(foreign).toContain(`127.0.0.1:${strangers.port} holds another database`);
  expect(foreign).toContain('--yes');
  const slotless = await toldToFollow({ host: 'localhost', port: remote.port, slot: 'site_b' });
  expect(slotless).toContain('has no slot site_b');

  expect(rig.leader.state?.following).toMatchObject({ leader, remote: { host: '127.0.0.1' } });
  expect(rig.hosts.map((host) => host.postmasterPid())).toEqual(postmasters);
  await stillStreams();
});

it('follows the other one when it could', async () => {
  await remote.sql("SELECT pg_create_physical_replication_slot('site_b')");
  const place = { host: 'localhost', port: remote.port, slot: 'site_b' };
  expect(await toldToFollow(place)).toBeNull();
  expect(rig.leader.state?.following?.remote).toMatchObject(place);
  await until(async () => {
    const active = "SELECT active FROM pg_replication_slots WHERE slot_name = 'site_b'";
    return (await remote.sql(active)) === true;
  }, REBUILT_LIMIT_MS);
  await stillStreams();
  expect(rig.leader.problems).toEqual([]);
});
