import { messageOf } from '#libs/kernel';
import type { SqlSession } from '#libs/postgres-run';
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
