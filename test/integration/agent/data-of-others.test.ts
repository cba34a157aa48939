/** A data directory that holds a database of its own, as Debian's packages make one, named in the agent's file. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { epochMs } from '#libs/kernel';
import { findInstallation, initdb } from '#libs/postgres-run';
import { osUser } from '#libs/process';
import { createAuthority } from '#libs/transport';
import { until } from '../until.ts';
import { AgentHost } from './agent-host.ts';
import { LoneLeader } from './lone-leader.ts';
import { ProgramBundle } from './program-bundle.ts';

let programs: ProgramBundle;
let root: string;
let leader: LoneLeader;
let host: AgentHost;

beforeAll(async () => {
  programs = await ProgramBundle.create();
  root = mkdtempSync(join(tmpdir(), 'matriarch-agent-'));
  chmodSync(root, 0o755);
  const directory = join(root, 'ca');
  const authority = await createAuthority({ directory, now: epochMs(Date.now()) });
  const { uid, gid } = osUser('postgres');
  chownSync(directory, uid, gid);
  leader = await LoneLeader.listen(authority, 'orders', {
    superuser: { username: 'postgres', password: 'super secret' },
    replication: { username: 'replicator', password: 'secret' },
    rewind: { username: 'rewinder', password: 'secret' },
  });
  host = await AgentHost.create(root, 'pg1', authority, leader.port);
  const installation = await findInstallation({ runAs: osUser('postgres') });
  const { dataDirectory } = host;
  await initdb(installation, { dataDirectory, superuser: 'somebody', extraOptions: ['--no-sync'] });
});

afterAll(async () => {
  await host?.end();
  await leader?.close();
  programs?.remove();
  rmSync(root, { recursive: true, force: true });
});

/** What stands in its files of settings and access. */
function settings(): readonly string[] {
  return readdirSync(host.dataDirectory)
    .filter((name) => name.endsWith('.conf'))
    .sort()
    .map((name) => `${name}: ${readFileSync(join(host.dataDirectory, name), 'utf8')}`);
}

it('is not touched, and seen no more once it was emptied: then the cluster begins there', async () => {
  const before = settings();
  host.startAgent(programs.agent);
  await until(() => leader.report('pg1')?.dataDirectory.kind === 'initialised', 30_000);
  leader.create({
    ...{ superuser: 'postgres', replicationUser: 'replicator', rewindUser: 'rewinder' },
    ...{ parameters: { shared_buffers: '16MB' }, pgHba: [] },
  });
  await until(() => leader.report('pg1')?.actedVersion === leader.state?.version, 10_000);
  // The agent knows the passwords by now, without which it writes nothing.
  await until(() => existsSync(join(host.stateDirectory, 'pgpass')), 10_000);
  await pause(2_000);
  expect(settings()).toEqual(before);
  expect(leader.state?.systemIdentifier).toBeNull();

  rmSync(host.dataDirectory, { recursive: true });
  await until(() => leader.state?.lease.kind === 'Held' && leader.state.lease.serving, 30_000);
  expect(leader.report('pg1')?.problem).toBeNull();
});
