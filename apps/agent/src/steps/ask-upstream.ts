import { refusalOf } from '#libs/backup';
import { endpointsOf, type MemberRecord } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import { SqlSession } from '#libs/postgres-run';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

type Asking = Pick<StepContext, 'local'>;

/**
 * Asks the upstream as the rewind role. One that does not answer, or does not let us in, may only just
 * have become primary: that passes.
 *
 * @throws NotYetError
 */
export async function askUpstream<T>(
  { local }: Asking,
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
  context: Asking,
  upstream: MemberRecord,
): Promise<MemberRecord> {
  const places = endpointsOf(upstream.postgres);
  if (places.length === 1) return upstream;
  const refusals: string[] = [];
  for (const postgres of places) {
    const one = { ...upstream, postgres };
    const { host, port } = postgres;
    try {
      if (!(await isInRecovery(context, one))) return one;
      refusals.push(`${host}:${port} is a standby`);
    } catch (error) {
      refusals.push(`${host}:${port}: ${messageOf(error)}`);
    }
  }
  throw new NotYetError(`no host of ${upstream.name} accepts writes: ${refusals.join('; ')}`);
}

/** @throws NotYetError */
export async function isInRecovery(context: Asking, upstream: MemberRecord): Promise<boolean> {
  return askUpstream(context, upstream, async (session) => {
    const [row] = await session.query('SELECT pg_is_in_recovery() AS recovery');
    return row?.['recovery'] !== false;
  });
}
