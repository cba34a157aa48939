import { lsnOf, timelineId } from '#libs/kernel';
import { CLUSTER_STATES, type ControlData } from './control-data.ts';
import { crc32c } from './crc32c.ts';

/**
 * By `PG_CONTROL_VERSION`, where the checksum stands: at the end of the structure, over everything before it.
 * What is read here lies at the same places in 13 to 16, 17 and 18; 17 put a new field where there was
 * room, 18 behind all of it. Other majors lay the file out otherwise.
 */
const CHECKSUM_AT: Readonly<Record<number, number>> = { 1300: 288, 1700: 288, 1800: 292 };
const STRUCTURE_BYTES = 296;

/** In the order of PostgreSQL's `WalLevel`. */
const WAL_LEVELS = ['minimal', 'replica', 'logical'] as const;

/**
 * `global/pg_control`, read without `pg_controldata`: no program has to be started while an outage
 * lasts. The checksum proves that the file was not being written and that this is its layout, so a host
 * of the other byte order finds none.
 *
 * @returns null when it is another layout, or torn: `pg_controldata` is to be asked
 */
export function parseControlFile(bytes: Uint8Array): ControlData | null {
  if (bytes.length < STRUCTURE_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, STRUCTURE_BYTES);
  const u32 = (at: number): number => view.getUint32(at, true);
  const lsn = (at: number) => lsnOf(view.getBigUint64(at, true));
  const checksumAt = CHECKSUM_AT[u32(8)];
  if (checksumAt === undefined) return null;
  if (crc32c(bytes.subarray(0, checksumAt)) !== u32(checksumAt)) return null;
  const state = CLUSTER_STATES[u32(16)];
  const walLevel = WAL_LEVELS[u32(172)];
  if (state === undefined || walLevel === undefined) return null;
  return {
    systemIdentifier: view.getBigUint64(0, true).toString(),
    state,
    checkpointLsn: lsn(32),
    redoLsn: lsn(40),
    checkpointTimeline: timelineId(u32(48)),
    previousTimeline: timelineId(u32(52)),
    minRecoveryLsn: lsn(136),
    minRecoveryTimeline: u32(144),
    walLogHints: view.getUint8(176) !== 0,
    dataChecksums: u32(252) > 0,
    walSegmentBytes: u32(228),
    walLevel,
    standbyMinimums: {
      max_connections: u32(180),
      max_worker_processes: u32(184),
      max_wal_senders: u32(188),
      max_prepared_transactions: u32(192),
      max_locks_per_transaction: u32(196),
    },
  };
}
