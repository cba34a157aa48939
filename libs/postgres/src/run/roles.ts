import { escapeIdentifier, escapeLiteral } from 'pg';
import type { SqlSession } from './sql-session.ts';

export type RoleRequest = {
  readonly name: string;
  /** Absent for roles that come in by certificate or peer. */
  readonly password?: string;
};

/** The functions that pg_rewind calls on its source (PostgreSQL manual, pg_rewind, Notes). */
const REWIND_FUNCTIONS = [
  'pg_catalog.pg_ls_dir(text, boolean, boolean)',
  'pg_catalog.pg_stat_file(text, boolean)',
  'pg_catalog.pg_read_binary_file(text)',
  'pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)',
];

/** Makes or updates the role that standbys and base backups connect with. */
export async function ensureReplicationRole(session: SqlSession, role: RoleRequest): Promise<void> {
  await session.query(quietly(ensureRoleSql(role, 'LOGIN REPLICATION')));
}

/** Makes or updates the role that agents watch and promote with. */
export async function ensureSuperuser(session: SqlSession, role: RoleRequest): Promise<void> {
  await session.query(quietly(ensureRoleSql(role, 'LOGIN SUPERUSER')));
}

/** Makes or updates a role with just the rights that pg_rewind needs on its source. */
export async function ensureRewindRole(session: SqlSession, role: RoleRequest): Promise<void> {
  const name = escapeIdentifier(role.name);
  const grants = REWIND_FUNCTIONS.map(
    (signature) => `GRANT EXECUTE ON FUNCTION ${signature} TO ${name};`,
  );
  await session.query(quietly(`${ensureRoleSql(role, 'LOGIN')}\n${grants.join('\n')}`));
}

function ensureRoleSql(role: RoleRequest, attributes: string): string {
  const name = escapeIdentifier(role.name);
  const password = role.password === undefined ? '' : ` PASSWORD ${escapeLiteral(role.password)}`;
  const create = `CREATE ROLE ${name} WITH ${attributes}${password}`;
  const alter = `ALTER ROLE ${name} WITH ${attributes}${password}`;
  return `DO ${escapeLiteral(`BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(role.name)}) THEN ${alter};
    ELSE ${create}; END IF;
  END`)};`;
}

/** The statement holds a password: the server must log it neither as it is nor when it fails. */
function quietly(sql: string): string {
  return [
    'BEGIN;',
    "SET LOCAL log_statement = 'none';",
    'SET LOCAL log_min_duration_statement = -1;',
    "SET LOCAL log_min_error_statement = 'panic';",
    sql,
    'COMMIT;',
  ].join('\n');
}
