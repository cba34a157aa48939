import { refusalOf } from '#libs/backup';
import { hostsOf, type MemberRecord } from '#libs/cluster';
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
    throw new NotYetError(refusalOf(upstream.name, session.target.user, cause), { cause });
  } finally {
    await session.close();
  }
}

/**
 * Of a remote with several hosts the one that accepts writes now; whoever has one host is it.
 *
 * @throws NotYetError
 */
export async function presentUpstream(
  context: StepContext,
  upstream: MemberRecord,
): Promise<MemberRecord> {
  const hosts = hostsOf(upstream.postgres);
  if (hosts.length === 1) return upstream;
  const refusals: string[] = [];
  for (const host of hosts) {
    const one = { ...upstream, postgres: { ...upstream.postgres, host } };
    try {
      if (!(await isInRecovery(context, one))) return one;
      refusals.push(`${host} is a standby`);
    } catch (error) {
      refusals.push(`${host}: ${messageOf(error)}`);
    }
  }
  throw new NotYetError(`no host of ${upstream.name} accepts writes: ${refusals.join('; ')}`);
}

/** @throws NotYetError */
export async function isInRecovery(context: StepContext, upstream: MemberRecord): Promise<boolean> {
  return askUpstream(context, upstream, async (session) => {
    const [row] = await session.query('SELECT pg_is_in_recovery() AS recovery');
    return row?.['recovery'] !== false;
  });
}
