import { messageOf } from '#libs/kernel';
import type { SqlSession } from '#libs/postgres-run';
import type { Hooks } from '../hooks/hooks.ts';
import { StepFailedError } from './step-error.ts';

/** One after the other, each in a transaction of its own: `CREATE DATABASE` needs that. */
export async function runBootstrapSql(
  session: SqlSession,
  statements: readonly string[],
): Promise<void> {
  for (const [index, statement] of statements.entries()) {
    try {
      await session.query(statement);
    } catch (cause) {
      throw new StepFailedError(`bootstrap.sql[${index + 1}]: ${messageOf(cause)}`, { cause });
    }
  }
}

/** As Patroni's `post_bootstrap`: called with a connection string of the superuser; a failure undoes all. */
export async function runPostBootstrap(
  hooks: Hooks,
  { target }: Pick<SqlSession, 'target'>,
  ended: AbortSignal,
): Promise<void> {
  const { host, port, user, database } = target;
  const connection = `postgres://${encodeURIComponent(user)}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
  const failure = await hooks.postBootstrap(connection, ended);
  if (failure !== null) throw new StepFailedError(`postBootstrap: ${failure}`);
}
