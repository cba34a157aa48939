import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { GuardDevice, StagingFile } from './disk.ts';

/** Slots stand a page apart, so that a torn write of one cannot touch the other. */
const SLOT_BYTES = 4_096;
const SLOT_READ_BYTES = 64;

export class FileGuardDevice implements GuardDevice {
  private constructor(private readonly file: FileHandle) {}

  static async open(path: string): Promise<FileGuardDevice> {
    return new FileGuardDevice(await openDurably(path, constants.O_RDWR | constants.O_DSYNC));
  }

  async read(slot: 0 | 1): Promise<Uint8Array | null> {
    const bytes = Buffer.alloc(SLOT_READ_BYTES);
    const { bytesRead } = await this.file.read(bytes, 0, SLOT_READ_BYTES, slot * SLOT_BYTES);
    return bytesRead === 0 ? null : bytes.subarray(0, bytesRead);
  }

  /** With O_DSYNC: one call writes and syncs. */
  write(slot: 0 | 1, bytes: Uint8Array): Promise<void> {
    return writeFully(this.file, bytes, slot * SLOT_BYTES);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

export async function openStagingFile(
  path: string,
): Promise<StagingFile & { close(): Promise<void> }> {
  const file = await openDurably(path);
  return {
    sizeBytes: async () => (await file.stat()).size,
    read: async (offset, length) => {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    },
    write: async (offset, bytes) => {
      await writeFully(file, bytes, offset);
      await file.datasync();
    },
    truncate: async (sizeBytes) => {
      await file.truncate(sizeBytes);
      await file.datasync();
    },
    close: () => file.close(),
  };
}

async function writeFully(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}

/** Opens for reading and writing; a file made by this is named in its directory for good. */
async function openDurably(path: string, flags: number = constants.O_RDWR): Promise<FileHandle> {
  const file = await open(path, 'a+', 0o600);
  await file.close();
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
  return open(path, flags);
}
