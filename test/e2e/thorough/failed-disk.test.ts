/**
 * The file system of the primary's data gives up writing, as the kernel lets it after an error of the disk,
 * and the data directory is given to another user. `npm run test:all`.
 */
import { chmodSync, chownSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { osUser, run } from '#libs/process';
import { until } from '../../../apps/cli/src/demo/until.ts';
import { SmallDisk } from '../../chaos/small-disk.ts';
import { TestCluster } from '../cluster.ts';

const LIMIT_MS = 60_000;
const TOOL = { timeoutMs: 30_000 };
const FSCK_DONE = { ...TOOL, acceptExitCodes: [0, 1] };
/** 1.5 s with the machine to itself; a primary that may come back is waited for 5 s. */
const GAP_LIMIT_MS = 4_500;

const cluster = TestCluster.onLoopback();
const disks = new Map<string, SmallDisk>();
const { uid, gid } = osUser('postgres');

beforeAll(async () => {
  for (const { name, dataDirectory } of cluster.running.plan.instances) {
    mkdirSync(dirname(dataDirectory), { recursive: true });
    const disk = new SmallDisk(dataDirectory, `${dirname(dataDirectory)}.img`);
    disks.set(name, disk);
    await disk.mount();
    await run(['mount', '-o', 'remount,errors=remount-ro', dataDirectory], TOOL);
    // Root's, and a base backup of the whole directory would stumble over it.
    rmdirSync(join(dataDirectory, 'lost+found'));
    chownSync(dataDirectory, uid, gid);
    chmodSync(dataDirectory, 0o700);
  }
  await cluster.bootstrap();
});

afterAll(async () => {
  await cluster.stop();
  for (const disk of disks.values()) await disk.unmount();
  cluster.removeFiles();
});

async function grantsAfter(sequence: number): Promise<number> {
  const { events } = await cluster.api.events(sequence);
  const types = events.map(({ event }) => (event as { readonly type: string }).type);
  return types.filter((type) => type === 'LeaseGranted').length;
}

async function lastSequence(): Promise<number> {
  return (await cluster.api.events(0)).events.at(-1)?.sequence ?? 0;
}

async function problemOf(instance: string, pattern: RegExp): Promise<void> {
  await until(`the problem of ${instance}`, { limitMs: LIMIT_MS }, async () => {
    const { clusters } = await cluster.api.status();
    const seen = JSON.stringify(clusters[0]?.instances.find(({ name }) => name === instance));
    return pattern.test(seen) ? { value: true } : { instead: seen };
  });
}

it('a file system that gave up writing: one epoch later another serves, and the way out is in status', async () => {
  const primary = await cluster.healthy();
  const before = await lastSequence();
  const disk = present(disks.get(primary), 'a disk');
  const { stdout } = await run(['findmnt', '-no', 'SOURCE', disk.mountPoint], TOOL);
  writeFileSync(`/sys/fs/ext4/${basename(stdout.trim())}/trigger_fs_error`, '1');
  await cluster.untilPrimaryIsNot(primary);
  const outage = await cluster.recovered('file system of the primary gave up', 1);
  expect(outage).toMatchObject({ dual: 0, lost: 0 });
  expect(outage.gapMs).toBeLessThan(GAP_LIMIT_MS);
  expect(await grantsAfter(before)).toBe(1);
  await problemOf(primary, /emergency_ro|mounted read-only/);
  await disk.unmount();
  await run(['e2fsck', '-fy', disk.image], FSCK_DONE);
  await run(['mount', '-o', 'loop', disk.image, disk.mountPoint], TOOL);
  await cluster.running.untilHealthy(cluster.api, LIMIT_MS);
});

it('a data directory of another user, PostgreSQL killed: another serves, and takes it back after the chown', async () => {
  const primary = await cluster.healthy();
  const before = await lastSequence();
  const { dataDirectory } = cluster.running.instance(primary);
  const postmaster = present(cluster.postmasterPid(primary), 'a postmaster');
  await run(['chown', '-R', 'root', dataDirectory], TOOL);
  process.kill(postmaster, 'SIGKILL');
  await cluster.untilPrimaryIsNot(primary);
  const outage = await cluster.recovered('data directory of the primary given to root', 1);
  expect(outage).toMatchObject({ dual: 0, lost: 0 });
  expect(outage.gapMs).toBeLessThan(GAP_LIMIT_MS);
  expect(await grantsAfter(before)).toBe(1);
  await problemOf(primary, /belongs to uid 0.*chown/);
  await run(['chown', '-R', String(uid), dataDirectory], TOOL);
  await cluster.running.untilHealthy(cluster.api, LIMIT_MS);
});
