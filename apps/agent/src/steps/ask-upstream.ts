import type { MemberRecord } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import { SqlSession } from '#libs/postgres-run';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

/**
 * Asks the upstream as the rewind role. One that does not answer, or does not let us in, may only just
 * have become primary: that passes.
 *
 * @throws NotYetError
 */
export async function askUpstream<T>(
  { local }: StepContext,
  upstream: MemberRecord,
  ask: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const session = new SqlSession(local.remote(upstream));
  try {
    return await ask(session);
  } catch (cause) {
    const why = `${upstream.name} does not answer ${session.target.user}: ${messageOf(cause)}`;
    throw new NotYetError(why, { cause });
  } finally {
    await session.close();
  }
}
