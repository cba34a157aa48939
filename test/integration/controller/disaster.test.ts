import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { type ActedMemory, judgeBasis } from '#libs/reconcile';
import { runCli } from '../../../apps/cli/src/run-cli.ts';
import { AgentClient } from './clients.ts';
import { createCluster, OPERATOR } from './cluster-definition.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const BACKUP_PATH = '/api/v1/controllers/backup';
const NAMES = ['c1', 'c2', 'c3'] as const;
/** A controller's own user, which is not the one that types. */
const USER = 65_534;

let group: ThreeControllers;
/** What an agent has acted on under the founders: far beyond what a backup knows. */
let acted: ActedMemory;

beforeAll(async () => {
  group = await ThreeControllers.make();
  acted = {
    controllersIncarnation: group.groupId,
    version: 40,
    epoch: 9,
    detachedThroughEpoch: 8,
  };
  await group.startAll();
  await createCluster(group, 'main');
});
afterAll(() => group.close());

async function cli(...argv: string[]) {
  const { certPath, keyPath } = await group.certificate('operator', 'alice');
  const api = NAMES.map((name) => `127.0.0.1:${group.apiPort(name)}`).join(',');
  const operator = ['--api', api, '--cert', certPath, '--key', keyPath, '--ca', group.caPath];
  const out: string[] = [];
  const err: string[] = [];
  const streams = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
  const exitCode = await runCli([...operator, '--json', ...argv], {
    out: (text) => void streams.out(text),
    err: (text) => void streams.err(text),
  });
  const result = JSON.parse(out.join('')) as Record<string, unknown>;
  return { exitCode, result, err: err.join('') };
}

const backupFile = () => join(group.directory, 'controllers.backup');

/** What the agent of main/pg1 would make of what `name` tells it. */
async function judged(name: string) {
  const agent = await AgentClient.connect(group, 'main/pg1', name);
  try {
    const { controllersIncarnation } = await agent.ask('confirm', {});
    const start = await agent.ask('subscribe', { sequence: acted.version });
    const state: ClusterState | null = start.kind === 'state' ? start.state : null;
    const { version = 1, restored = null } = state ?? {};
    const basis = { controllersIncarnation, version, epoch: 5, restored };
    return { controllersIncarnation, state, verdict: judgeBasis(acted, basis).kind };
  } finally {
    agent.close();
  }
}

async function permitted(name: string, version: number) {
  const agent = await AgentClient.connect(group, 'main/pg1', name);
  try {
    return await agent.ask('permitDestruction', { step: 'rebuild', version });
  } finally {
    agent.close();
  }
}

describe('while the controllers run', () => {
  it('the founding incarnation is the group id', async () => {
    const { name } = await group.leader();
    expect((await judged(name)).controllersIncarnation).toBe(group.groupId);
  });

  it('a backup is for operators only', async () => {
    const asked = { method: 'GET', path: BACKUP_PATH } as const;
    for (const as of [undefined, 'nobody', { role: 'agent', name: 'main/pg1' }] as const) {
      const answer = await ask(group, 'c1', { ...asked, ...(as === undefined ? {} : { as }) });
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it('a backup has what was ordered just before', async () => {
    await createCluster(group, 'second');
    const { exitCode, result } = await cli('controllers', 'backup', backupFile());
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({ ok: true, groupId: group.groupId, members: NAMES });
    expect(readdirSync(group.directory).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it.each([
    ['log', 'verify'],
    ['log', 'dump'],
    ['controllers', 'force-new-cluster'],
  ])('%s %s refuses the directory of a running controller', async (...verb) => {
    const { exitCode, result } = await cli(...verb, '--directory', group.directoryOf('c1'));
    expect(exitCode).toBe(2);
    expect(result).toMatchObject({ error: { code: 'DIRECTORY_IN_USE' } });
  });

  it('no group is forced while a peer answers', async () => {
    await group.stop('c1');
    const directory = group.directoryOf('c1');
    const { exitCode, result } = await cli(
      'controllers',
      'force-new-cluster',
      '--directory',
      directory,
    );
    expect(exitCode).toBe(2);
    expect(result).toMatchObject({ error: { code: 'PEER_ANSWERS' } });
    expect(JSON.stringify(result)).toMatch(/c2 at .* c3 at /);
  });

  it("a directory that root has opened, and left as it was, is still its user's", async () => {
    const directory = group.directoryOf('c1');
    giveTo(USER, directory);
    const verb = ['controllers', 'force-new-cluster', '--directory', directory];
    expect(await cli(...verb)).toMatchObject({ result: { error: { code: 'PEER_ANSWERS' } } });
    expect(ownersIn(directory)).toEqual([USER]);
  });
});

describe('when all are stopped', () => {
  beforeAll(async () => {
    for (const name of NAMES) await group.stop(name);
  });

  it('log verify finds a sound directory sound, and changes nothing', async () => {
    const directory = group.directoryOf('c2');
    const before = contentOf(directory);
    expect(await cli('log', 'verify', '--directory', directory)).toMatchObject({
      exitCode: 0,
      result: { ok: true, groupId: group.groupId },
    });
    expect(contentOf(directory)).toEqual(before);
  });

  it('log dump shows entries decoded, without passwords', async () => {
    const { exitCode, result } = await cli('log', 'dump', '--directory', group.directoryOf('c2'));
    expect(exitCode).toBe(0);
    const text = JSON.stringify(result);
    expect(text).toContain('"type":"ClusterCreated"');
    expect(text).not.toContain('not-in-the-history');
    const some = await cli('log', 'dump', '--directory', group.directoryOf('c2'), '--to', '2');
    expect(some.result['entries']).toMatchObject([{ index: 1 }, { index: 2 }]);
    const directory = group.directoryOf('c2');
    const none = await cli('log', 'dump', '--directory', directory, '--from', '90000');
    expect(none).toMatchObject({ exitCode: 0, result: { firstIndex: 1, entries: [] } });
    expect(none.result['lastIndex']).toBeGreaterThan(2);
    const turned = await cli('log', 'dump', '--directory', directory, '--from', '5', '--to', '2');
    expect(turned).toMatchObject({ exitCode: 2, result: { error: { code: 'USAGE' } } });
  });

  it('log verify names the damaged file', async () => {
    const directory = group.directoryOf('c3');
    const guard = join(directory, 'guard');
    writeFileSync(guard, new Uint8Array(8_192).fill(7));
    expect(await cli('log', 'verify', '--directory', directory)).toMatchObject({
      exitCode: 1,
      result: { ok: false, file: guard },
    });
    // Not the copy that was looked at.
    const dump = await cli('log', 'dump', '--directory', directory);
    expect(dump).toMatchObject({ exitCode: 2, result: { error: { code: 'DAMAGED_LOG' } } });
    expect(JSON.stringify(dump.result)).toContain(`"${directory} has lost acknowledged data`);
    expect(existsSync(join(directory, 'damaged'))).toBe(false);
  });

  it('a directory in which no controller ran is named as such', async () => {
    const { result } = await cli('log', 'verify', '--directory', join(group.directory, 'tls'));
    expect(result).toMatchObject({ error: { code: 'NO_CONTROLLER_DIRECTORY' } });
  });

  it('the survivor goes on alone, and agents act on nothing before an operator confirmed', async () => {
    const directory = group.directoryOf('c1');
    const forced = await cli('controllers', 'force-new-cluster', '--directory', directory);
    expect(forced).toMatchObject({ exitCode: 0, result: { clusters: ['main', 'second'] } });
    expect(ownersIn(directory)).toEqual([USER]);
    expect(forced.result['term']).toBeGreaterThan(1_700_000_000);
    const incarnation = String(forced.result['incarnation']);
    await group.start('c1');
    await group.leader();
    await expectConfirmedByResume(incarnation);
    await createCluster(group, 'third');
    await group.stop('c1');
    // Also after a restart, with everything from its own disk.
    await group.start('c1');
    await group.leader();
    expect((await judged('c1')).controllersIncarnation).toBe(incarnation);
    expect(group.running.get('c1')?.replica.storage.membership.voters).toHaveLength(1);
    await joinedBy('c4', incarnation);
    for (const name of ['c4', 'c1']) await group.stop(name);
  });

  it('a backup becomes a group of one, in a new incarnation', async () => {
    const madeAtS = Math.floor(Date.now() / 1_000);
    const directory = join(group.directory, 'restored');
    const address = `127.0.0.1:${group.ports.get('c1')?.link}`;
    const where = ['--directory', directory, '--name', 'c1', '--address', address];
    const restored = await cli('controllers', 'restore', backupFile(), ...where);
    expect(restored).toMatchObject({ exitCode: 0, result: { clusters: ['main', 'second'] } });
    const again = await cli('controllers', 'restore', backupFile(), ...where);
    expect(again.result).toMatchObject({ error: { code: 'DIRECTORY_NOT_EMPTY' } });
    await group.start('c1', { directory });
    await group.leader();
    // Agents that ran on heard of leaders in later terms than the backup knows: up to now.
    expect(group.running.get('c1')?.replica.host.role.term).toBeGreaterThan(madeAtS);
    await expectConfirmedByResume(String(restored.result['incarnation']));
    await group.stop('c1');
  });

  it('with a new cluster id it is no group for the old certificates', async () => {
    const directory = join(group.directory, 'other-group');
    const { result } = await cli(
      ...['controllers', 'restore', backupFile(), '--directory', directory],
      ...['--name', 'c1', '--address', '127.0.0.1:7400', '--new-cluster-id', '00ff00ff00ff00ff'],
    );
    expect(result).toMatchObject({ ok: true, groupId: '00ff00ff00ff00ff' });
    await expect(group.start('c1', { directory })).rejects.toMatchObject({ code: 'FOREIGN_GROUP' });
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 40)],
    ['changed', (bytes: Buffer) => flipped(bytes, bytes.length - 60)],
    ['not a backup', () => Buffer.from('something else entirely, of some length')],
  ])('a backup that is %s restores nothing', async (_what, change) => {
    const file = join(group.directory, 'spoilt.backup');
    const directory = join(group.directory, 'nothing');
    writeFileSync(file, change(readFileSync(backupFile())));
    const { exitCode, result } = await cli(
      ...['controllers', 'restore', file, '--directory', directory],
      ...['--name', 'c1', '--address', '127.0.0.1:7400'],
    );
    expect(exitCode).toBe(2);
    expect(result).toMatchObject({ error: { code: 'BACKUP_DAMAGED' } });
    const left = readdirSync(group.directory).filter((name) => name.startsWith('nothing'));
    expect(left).toEqual([]);
    rmSync(file);
  });

  it.each([
    ['a name that no controller can have', backupFile, 'C 1', 'INVALID_NAME', "'C 1'"],
    [
      'a file that is not there',
      () => join(group.directory, 'none'),
      'c1',
      'USAGE',
      'none cannot be read',
    ],
  ])('%s restores nothing', async (_what, file, name, code, said) => {
    const directory = join(group.directory, 'nothing');
    const { exitCode, result } = await cli(
      ...['controllers', 'restore', file(), '--directory', directory],
      ...['--name', name, '--address', '127.0.0.1:7400'],
    );
    expect({ exitCode, error: result['error'] }).toMatchObject({ exitCode: 2, error: { code } });
    expect(JSON.stringify(result)).toContain(said);
    expect(existsSync(directory)).toBe(false);
  });

  it('a backup whose file cannot be written is refused before anything is asked', async () => {
    for (const file of [group.directory, join(group.directory, 'none', 'b')]) {
      const { exitCode, result } = await cli('controllers', 'backup', file);
      expect({ exitCode, error: result['error'] }).toMatchObject({
        exitCode: 2,
        error: { code: 'USAGE' },
      });
      expect(JSON.stringify(result)).toContain(file);
    }
  });

  it('restores into an empty directory that is there', async () => {
    const directory = join(group.directory, 'empty');
    mkdirSync(directory);
    giveTo(USER, directory);
    const { exitCode } = await cli(
      ...['controllers', 'restore', backupFile(), '--directory', directory],
      ...['--name', 'c9', '--address', '127.0.0.1:7400'],
    );
    expect(exitCode).toBe(0);
    expect(ownersIn(directory)).toEqual([USER]);
    expect(await cli('log', 'verify', '--directory', directory)).toMatchObject({ exitCode: 0 });
  });
});

/** A controller with an empty directory learns of the incarnation as of all that is replicated. */
async function joinedBy(name: string, incarnation: string): Promise<void> {
  const address = await group.newcomer(name);
  const started = group.start(name, { join: { token: null } });
  const body = { name, address };
  await until(`${name} is let in`, async () => {
    const order = { method: 'POST', path: '/api/v1/controllers', as: OPERATOR, body } as const;
    return (await ask(group, 'c1', order)).status === 201;
  });
  const { replica } = await started;
  await until('it knows', () => replica.host.store.incarnation === incarnation);
}

async function expectConfirmedByResume(incarnation: string): Promise<void> {
  expect(incarnation).toMatch(/^[0-9a-f]{16}$/);
  const before = await judged('c1');
  expect(await permitted('c1', before.state?.version ?? 0)).toMatchObject({
    permitted: false,
    why: expect.stringContaining('restored'),
  });
  expect(before).toMatchObject({ controllersIncarnation: incarnation, verdict: 'refused' });
  expect(before.state).toMatchObject({ paused: true, restored: { confirmed: false } });
  expect(await cli('resume', 'main')).toMatchObject({ exitCode: 0 });
  const after = await judged('c1');
  expect(after).toMatchObject({ controllersIncarnation: incarnation, verdict: 'usable' });
  expect(after.state).toMatchObject({ paused: false, restored: { incarnation, confirmed: true } });
}

function pathsIn(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return [directory, ...names.map((name) => join(directory, name))];
}

function giveTo(uid: number, directory: string): void {
  for (const path of pathsIn(directory)) chownSync(path, uid, uid);
}

function ownersIn(directory: string): number[] {
  return [...new Set(pathsIn(directory).map((path) => lstatSync(path).uid))];
}

function contentOf(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    files
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name))
      .map((path) => [path, readFileSync(path).toString('base64')]),
  );
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
