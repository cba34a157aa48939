import { bytesText } from '#libs/kernel';
import type { DiskSpace } from '#libs/protocol';

/** Below this somebody should look; `MatriarchControllerDiskLow` of deploy/prometheus has the same. */
const DISK_LOW_BYTES = 200_000_000;

export type MemberTrouble = {
  readonly seatLost?: boolean;
  /** It was met last on another directory than the one of its seat. */
  readonly stray?: boolean;
  /** Null while it is not known. */
  readonly disk: DiskSpace | null;
};

/** What is wrong with a controller that its role and position do not say, and what to do about it. */
export function memberRemarks(name: string, trouble: MemberTrouble): string[] {
  const { seatLost = false, stray = false, disk } = trouble;
  const replace = `\`matriarch controllers replace ${name} --by NEW --address HOST:PORT\``;
  const remarks: string[] = [];
  if (seatLost) {
    remarks.push(`${name} lost what it had acknowledged and is heard no more: ${replace}`);
  } else if (stray) {
    const was = `${name} was started on another directory than the one of its seat, and is not heard`;
    remarks.push(`${was}: start it on the directory of before, or ${replace}`);
  }
  if (disk === null || (!disk.nearlyFull && disk.availableBytes >= DISK_LOW_BYTES)) return remarks;
  const left = `${bytesText(BigInt(disk.availableBytes))} are left on the disk of ${name}`;
  const refused = 'what grows is refused while it leads, leases and failovers go on';
  remarks.push(disk.nearlyFull ? `${left}: ${refused}. Free space` : `${left}: free space`);
  return remarks;
}
