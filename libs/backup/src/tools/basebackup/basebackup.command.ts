import { type BaseBackupRequest, baseBackupArgv } from '#libs/postgres-model';

/** pg_basebackup takes its limit in kB/s, from 32 kB/s to 1 GB/s. */
export function basebackupCommand(
  request: Omit<BaseBackupRequest, 'maxRateKbPerSecond'>,
  bandwidthBytesPerSecond: number | null,
): readonly string[] {
  const limit =
    bandwidthBytesPerSecond === null
      ? {}
      : {
          maxRateKbPerSecond: Math.min(
            1_048_576,
            Math.max(32, Math.floor(bandwidthBytesPerSecond / 1_024)),
          ),
        };
  // One call for each file system afterwards is far quicker than one for each file.
  return [...baseBackupArgv({ ...request, ...limit }), '--no-sync'];
}

/** What there is to copy, and where it lies on the server. Any role that may connect can ask it. */
export const SERVER_SQL = `
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS identifier,
       current_setting('server_version_num')::int / 10000 AS major,
       (SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datallowconn)::text AS bytes,
       (SELECT coalesce(json_agg(pg_tablespace_location(oid)), '[]')::text
          FROM pg_tablespace WHERE pg_tablespace_location(oid) <> '') AS locations`;
