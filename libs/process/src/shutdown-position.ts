import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import type { Lsn, TimelineId } from '#libs/kernel';
import {
  type ControlData,
  parseControlFile,
  walRecordEnd,
  walSegmentName,
} from '#libs/postgres-model';

export type ShutdownPosition = { readonly timeline: TimelineId; readonly lsn: Lsn };

const LENGTH_BYTES = 4;

/**
 * The end of WAL of a primary that was shut down in order: its last record is the checkpoint that the
 * control file names, and a record begins with its length. No program is run to find it.
 *
 * @returns null when it is in any other state, or its control file has a layout not known here
 */
export function readShutdownPosition(dataDirectory: string): ShutdownPosition | null {
  const control = parseControlFile(readFileSync(controlFileOf(dataDirectory)));
  return control?.state === 'shut down' ? shutdownPositionOf(dataDirectory, control) : null;
}

/**
 * How far the stop of a primary has come. 'clients' also where that cannot be told, or was read while it was written:
 * whoever asks has another way. A disk that hangs holds up only the answer.
 */
export async function stopStageOf(
  dataDirectory: string,
): Promise<'clients' | 'checkpoint' | 'written'> {
  try {
    const state = parseControlFile(await readFile(controlFileOf(dataDirectory)))?.state;
    if (state === 'shut down') return 'written';
    return state === 'shutting down' ? 'checkpoint' : 'clients';
  } catch {
    return 'clients';
  }
}

function controlFileOf(dataDirectory: string): string {
  return join(dataDirectory, 'global', 'pg_control');
}

/** The same from a control file that was read already, in state 'shut down'. */
export function shutdownPositionOf(dataDirectory: string, control: ControlData): ShutdownPosition {
  const { checkpointLsn, checkpointTimeline: timeline, walSegmentBytes } = control;
  const name = walSegmentName(timeline, checkpointLsn, walSegmentBytes);
  const file = openSync(join(dataDirectory, 'pg_wal', name), 'r');
  try {
    const length = Buffer.alloc(LENGTH_BYTES);
    readSync(file, length, 0, LENGTH_BYTES, Number(checkpointLsn % BigInt(walSegmentBytes)));
    const totalBytes = endianness() === 'LE' ? length.readUInt32LE() : length.readUInt32BE();
    const record = { startLsn: checkpointLsn, totalBytes, isSegmentSwitch: false };
    return { timeline, lsn: walRecordEnd(record, walSegmentBytes) };
  } finally {
    closeSync(file);
  }
}
