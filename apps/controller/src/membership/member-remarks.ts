import { bytesText } from '#libs/kernel';
import type { DiskSpace } from '#libs/protocol';
import { DISK_AMPLE_BYTES } from '#libs/storage';

/** Below this somebody should look; `MatriarchControllerDiskLow` of deploy/prometheus has the same. */
const DISK_LOW_BYTES = 200_000_000;

export type MemberTrouble = {
  readonly seatLost?: boolean;
  /** It was met last on another directory than the one of its seat. */
  readonly stray?: boolean;
  /** As it said last; null while it never did. */
  readonly disk: DiskSpace | null;
  /** It is not connected: what it said of its disk may be why, and may be over. */
  readonly away?: boolean;
};

/** What is wrong with a controller that its role and position do not say, and what to do about it. */
export function memberRemarks(name: string, trouble: MemberTrouble): string[] {
  const { seatLost = false, stray = false, away = false, disk } = trouble;
  const replace = `\`matriarch controllers replace ${name} --by NEW --address HOST:PORT\``;
  const remarks: string[] = [];
  if (seatLost) {
    remarks.push(`${name} lost what it had acknowledged and is heard no more: ${replace}`);
  } else if (stray) {
    const was = `${name} was started on another directory than the one of its seat, and is not heard`;
    remarks.push(`${was}: start it on the directory of before, or ${replace}`);
  }
  const diskRemark = disk === null ? null : remarkOnDisk(name, disk, away);
  return diskRemark === null ? remarks : [...remarks, diskRemark];
}

function remarkOnDisk(
  name: string,
  { availableBytes, nearlyFull }: DiskSpace,
  away: boolean,
): string | null {
  const size = bytesText(availableBytes);
  const where = `left on the disk of ${name}`;
  if (away) {
    const then = 'free space, then start it if its process has ended';
    return nearlyFull ? `${size} were ${where} when it was last heard: ${then}` : null;
  }
  const refused = 'what grows is refused while it leads, leases and failovers go on';
  const until = `free space until ${bytesText(DISK_AMPLE_BYTES)} are`;
  if (nearlyFull) return `${size} are ${where}: ${refused}; ${until}`;
  return availableBytes < DISK_LOW_BYTES ? `${size} are ${where}: free space` : null;
}
