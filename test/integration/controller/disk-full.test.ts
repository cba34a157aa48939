import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_PATHS, statusAnswer } from '#libs/api';
import { AgentClient, SessionClient } from './clients.ts';
import { createCluster, definition, OPERATOR } from './cluster-definition.ts';
import { ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const MIB = 1_024 * 1_024;
const DISK_MIB = 64;
const PAGE_BYTES = 4_096;

let group: ThreeControllers;
let disk: string;
const mounted = await tryMount();

/** To the last page but one: enough for a verdict, too little for a start. */
function fillUp(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [MIB, PAGE_BYTES, 1]) {
      for (let full = false; !full; ) full = !tryWrite(file, size);
    }
    ftruncateSync(file, fstatSync(file).size - PAGE_BYTES);
  } finally {
    closeSync(file);
  }
}

function tryWrite(file: number, sizeBytes: number): boolean {
  try {
    return writeSync(file, new Uint8Array(sizeBytes)) === sizeBytes;
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
    return false;
  }
}

/** A file system of its own; only root can have one. */
async function tryMount(): Promise<boolean> {
  group = await ThreeControllers.make(['c1']);
  disk = group.directoryOf('c1');
  mkdirSync(disk);
  try {
    const how = ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', disk];
    execFileSync('mount', how, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!mounted)('a controller on a disk that fills up', () => {
  let client: SessionClient;
  let session: number;
  const filler = () => join(disk, 'somebody-elses-file');
  const nearlyFull = () => group.running.get('c1')?.replica.storage.nearlyFull === true;

  beforeAll(async () => {
    await group.start('c1');
    await group.leader();
    await createCluster(group, 'main');
    client = await SessionClient.connect(group, 'c1');
    session = await client.open('disk-full');
  });
  afterAll(async () => {
    client.close();
    await group.stop('c1');
  });

  const put = (sequence: number) =>
    client.command(session, sequence, {
      ...{ type: 'put', key: 'a', expectedRevision: null },
      value: new Uint8Array(100),
    });

  const create = (name: string) =>
    ask(group, 'c1', {
      ...{ method: 'POST', path: '/api/v1/clusters', body: definition(name), as: OPERATOR },
    });

  it('writes while there is space', async () => {
    expect(await put(1)).toMatchObject({ type: 'result' });
    expect(statSync(join(disk, 'reserve')).size).toBeGreaterThan(0);
  });

  it('refuses what grows, and still takes orders, deletes and confirmations', async () => {
    writeFileSync(filler(), new Uint8Array((DISK_MIB - 10) * MIB));
    await until('the reserve is let go', () => {
      return nearlyFull() && statSync(join(disk, 'reserve')).size === 0;
    });
    expect(await put(2)).toMatchObject({ type: 'failed', code: 'DISK_NEARLY_FULL' });
    const refused = await create('second');
    expect(refused.status).toBe(507);
    expect(JSON.parse(refused.body)).toMatchObject({
      detail: expect.stringMatching(/left on the disk of c1, which leads: .* until 48 MB are/),
    });
    expect(group.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'the disk of this controller is nearly full',
      }),
    );
    const metrics = await ask(group, 'c1', { method: 'GET', path: '/metrics' });
    expect(metrics.body).toContain('\nmatriarch_disk_nearly_full 1\n');
    const status = await ask(group, 'c1', { method: 'GET', path: API_PATHS.status });
    const [own] = statusAnswer.parse(JSON.parse(status.body)).controllers;
    expect(own?.remarks).toEqual([expect.stringContaining('what grows is refused')]);
    const remove = { type: 'delete', key: 'a', expectedRevision: null } as const;
    expect(await client.command(session, 2, remove)).toMatchObject({ type: 'result' });
    const order = { method: 'POST', path: '/api/v1/clusters/main/pause', as: OPERATOR } as const;
    expect(await ask(group, 'c1', order)).toMatchObject({ status: 200 });
    const agent = await AgentClient.connect(group, 'main/pg1', 'c1');
    expect(await agent.ask('confirm', {})).toMatchObject({ version: 2 });
    agent.close();
  });

  it('takes everything again once there is space', async () => {
    rmSync(filler());
    await until('there is space', () => !nearlyFull());
    expect(await put(3)).toMatchObject({ type: 'result' });
    expect((await create('second')).status).toBeLessThan(300);
  });

  it('does not start without any space, says where, and is not condemned for it', async () => {
    client.close();
    await group.stop('c1');
    // Also what was reserved is gone, as after a restore of the directory by hand.
    rmSync(join(disk, 'reserve'));
    fillUp(filler());
    await expect(group.start('c1')).rejects.toThrow(`${disk} cannot be used (No space left`);
    rmSync(filler());
    await group.start('c1');
    client = await SessionClient.connect(group, (await group.leader()).name);
    session = await client.open('disk-full');
    expect(await put(4)).toMatchObject({ type: 'result' });
  });
});

afterAll(async () => {
  if (mounted) execFileSync('umount', [disk]);
  await group.close();
});
