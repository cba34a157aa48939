import { readFileSync } from 'node:fs';

/** Of ext4 since Linux 6.14: it stays mounted for writing, `access` says that it may be written, and nothing can. */
const GIVEN_UP: readonly string[] = ['emergency_ro', 'shutdown'];

/** Of `/proc/self/mountinfo`: (id, parent, major:minor, ...), then, after `-`, (type, source, options of the file system). */
const DEVICE_FIELD = 2;
const OPTIONS_FIELD = 2;

/**
 * Why the file system with this `st_dev` takes no change although it is mounted for writing; null when it says
 * nothing of the kind. Asked of the kernel's list: a write as a trial would hang with a disk that hangs.
 */
export function whyMountFailed(
  device: number,
  mounts: string = readFileSync('/proc/self/mountinfo', 'utf8'),
): string | null {
  const wanted = deviceText(device);
  for (const line of mounts.split('\n')) {
    const [mount = '', fileSystem] = line.split(' - ');
    if (fileSystem === undefined || mount.split(' ')[DEVICE_FIELD] !== wanted) continue;
    const options = fileSystem.split(' ')[OPTIONS_FIELD]?.split(',') ?? [];
    const failed = options.find((option) => GIVEN_UP.includes(option));
    if (failed === undefined) return null;
    return `its file system takes no change since it failed (${failed}): see dmesg, check it (fsck), mount it again`;
  }
  return null;
}

/** As the kernel packs the two numbers into `st_dev`. */
function deviceText(device: number): string {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  return `${major}:${minor}`;
}
