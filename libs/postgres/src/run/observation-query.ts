/**
 * One statement, one row, all versions: whole rows of the views travel as JSON, so that a column which
 * a version lacks is simply absent. `in_recovery` is read once and first: a promotion in the middle
 * can then only make a standby's functions run on a primary, which they allow, never the reverse.
 *
 * `$2` tells which settings the caller has: they are told again only after a reload, or on another
 * connection, for `pg_settings` costs more than all the rest.
 */
export const OBSERVATION_SQL = `
WITH role AS MATERIALIZED (SELECT pg_is_in_recovery() AS in_recovery,
       extract(epoch FROM pg_conf_load_time()) || '/' || pg_backend_pid() AS settings_of),
     receiver AS MATERIALIZED (SELECT r.* FROM pg_stat_wal_receiver r LIMIT 1)
SELECT role.in_recovery,
  (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
  current_setting('server_version_num') AS version_num,
  to_jsonb(pg_postmaster_start_time()) #>> '{}' AS postmaster_started_at,
  to_jsonb(clock_timestamp()) #>> '{}' AS observed_at,
  CASE WHEN role.in_recovery
    THEN greatest((SELECT received_tli FROM receiver),
                  (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
                  (SELECT timeline_id FROM pg_control_checkpoint()))::bigint
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint
  END AS timeline,
  CASE WHEN role.in_recovery THEN NULL ELSE pg_current_wal_lsn()::text END AS write_lsn,
  CASE WHEN role.in_recovery THEN NULL ELSE pg_current_wal_flush_lsn()::text END AS flush_lsn,
  CASE WHEN role.in_recovery THEN pg_last_wal_receive_lsn()::text END AS received_lsn,
  CASE WHEN role.in_recovery THEN coalesce(pg_last_wal_replay_lsn(), '0/0')::text END
    AS replayed_lsn,
  CASE WHEN role.in_recovery THEN to_jsonb(pg_last_xact_replay_timestamp()) #>> '{}' END
    AS last_replayed_commit_at,
  CASE WHEN role.in_recovery AND pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END
    AS replay_paused,
  (SELECT to_jsonb(r) FROM receiver r) AS receiver,
  (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM pg_stat_replication s) AS replicas,
  (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM pg_replication_slots s) AS slots,
  role.settings_of,
  CASE WHEN role.settings_of IS DISTINCT FROM $2::text THEN
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'setting', setting,
            'sourcefile', sourcefile, 'pending_restart', pending_restart,
            'shown', current_setting(name))), '[]')
       FROM pg_settings WHERE pending_restart OR name = ANY ($1::text[]))
  END AS settings
FROM role`;
