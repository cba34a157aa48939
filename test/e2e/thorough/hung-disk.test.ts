/**
 * The disk of the primary hangs: reads go on, writes neither end nor fail, and who waits for them cannot be
 * ended, not even by SIGKILL. `npm run test:all`.
 */
import { chmodSync, chownSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { osUser } from '#libs/process';
import { HangingDisk } from '../../integration/controller/hanging-disk.ts';
import { TestCluster } from '../cluster.ts';

const cluster = TestCluster.onLoopback({ hungPrimaryMs: 3_000 });
const disks = new Map<string, HangingDisk>();

beforeAll(async () => {
  const { uid, gid } = osUser('postgres');
  for (const { name, dataDirectory } of cluster.running.plan.instances) {
    // The image lies beside the mount point.
    mkdirSync(dirname(dataDirectory), { recursive: true });
    const disk = new HangingDisk(dataDirectory);
    disks.set(name, disk);
    await disk.mount();
    // Root's, and a base backup of the whole directory would stumble over it.
    rmdirSync(join(dataDirectory, 'lost+found'));
    chownSync(dataDirectory, uid, gid);
    chmodSync(dataDirectory, 0o700);
  }
  await cluster.bootstrap();
});

afterAll(async () => {
  for (const disk of disks.values()) await disk.goOn();
  await cluster.stop();
  for (const disk of disks.values()) await disk.unmount();
  cluster.removeFiles();
});

it('another instance serves while the old primary still hangs, and takes it back once its disk goes on', async () => {
  const primary = await cluster.healthy();
  const { events } = await cluster.api.events(0);
  const before = events.length;
  const disk = present(disks.get(primary), 'a disk');
  await disk.hang();
  try {
    await cluster.untilPrimaryIsNot(primary);
    // Its lease was taken, for nothing of it could be proved to have ended.
    const { events: since } = await cluster.api.events(before);
    const types = since.map(({ event }) => (event as { readonly type: string }).type);
    expect(since.map(({ event }) => (event as { readonly trigger?: string }).trigger)).toContain(
      'primary-hung',
    );
    expect(types).toContain('LeaseExpired');
    await cluster.untilWritten();
  } finally {
    await disk.goOn();
  }
  expect(await cluster.recovered('disk of the primary hung')).toMatchObject({ dual: 0 });
});
