import { askAdmission, refusalOf } from '#libs/backup';
import {
  type ClusterState,
  type Endpoint,
  endpointsOf,
  isArchive,
  placeText,
  type Remote,
  type RemotePrimary,
  remoteMember,
} from '#libs/cluster';
import { readSourceIdentity, SqlSession } from '#libs/postgres-run';
import { serverOf } from '../rebuild/rebuild-sources.ts';
import { walFetchOf } from '../rebuild/tools-here.ts';
import type { StepContext } from './step-context.ts';

type Asking = Pick<StepContext, 'local' | 'state' | 'log' | 'needCredentials'>;
type Answer = { readonly kind: 'follows' | 'refuses' | 'another-database'; readonly why: string };

/**
 * Whether this instance could follow `remote` were the cluster demoted now; null: it could. One host of
 * several is enough, but none may hold another database. Nothing is changed here or there.
 */
export async function whyNotFollowed(asking: Asking, remote: Remote): Promise<string | null> {
  const following = { remote, leader: null, stoppedAt: null };
  const after: ClusterState = { ...asking.state, following };
  if (isArchive(remote)) {
    if (walFetchOf(after, asking.local.config) !== null) return null;
    return `backup.${remote.archive} of this host fetches no WAL: name it in the agent's file`;
  }
  await asking.needCredentials();
  const places = endpointsOf(remote);
  const answers = await Promise.all(places.map((place) => askAt(asking, after, remote, place)));
  const strange = answers.filter(({ kind }) => kind === 'another-database');
  const refusals = answers.filter(({ kind }) => kind === 'refuses');
  if (strange.length > 0) return strange.map(({ why }) => why).join('; ');
  if (refusals.length === answers.length) return refusals.map(({ why }) => why).join('; ');
  for (const { why } of refusals)
    asking.log.warn('a host of the remote cannot be followed', { why });
  return null;
}

/** As the standby leader would: to stream, and to ask for timelines. */
async function askAt(
  { local }: Asking,
  after: ClusterState,
  remote: RemotePrimary,
  { host, port }: Endpoint,
): Promise<Answer> {
  const place = placeText({ host, port });
  const server = serverOf(local, after, remoteMember({ ...remote, host, port }), true);
  const refuses = (user: string, error: unknown): Answer => {
    return { kind: 'refuses', why: refusalOf(place, user, error) };
  };
  const found = await readSourceIdentity(server.walsender).catch((error: unknown) =>
    refuses(server.walsender.user, error),
  );
  if ('kind' in found) return found;
  const [there, here] = [found.systemIdentifier, after.systemIdentifier];
  if (there !== here) {
    const why = `${place} holds another database: its system identifier is ${there}, ours ${here}`;
    return { kind: 'another-database', why };
  }
  const session = new SqlSession(server.sql);
  try {
    await session.query('SELECT 1');
  } catch (error) {
    return refuses(server.sql.user, error);
  } finally {
    session.close();
  }
  const { checks } = await askAdmission(server, 0);
  const failed = checks.filter(({ ok }) => !ok).map(({ detail }) => `${place}: ${detail}`);
  return { kind: failed.length === 0 ? 'follows' : 'refuses', why: failed.join(', ') };
}
