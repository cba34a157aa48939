import type { DivergedWal, MemberRecord } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import { keepWal, readControlData, SqlSession } from '#libs/postgres-run';
import { divergenceOf } from '#libs/reconcile';
import { readWalEnd } from '../observe/data-directory.ts';
import { LostWalDirectory } from '../state-directory/lost-wal-directory.ts';
import { WAL_END_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';

/** 64 segments of the default size. */
const KEPT_LIMIT_BYTES = 1_073_741_824;
const DATABASES_MAX = 5;
const NAMED_MAX = 20;

/**
 * Before WAL that this instance wrote alone is taken out of its data directory: copies it aside and says
 * what it did (architecture G3). Evidence that cannot be kept is no reason to stay away from the cluster.
 */
export async function keepDivergedWal(context: StepContext, upstream: MemberRecord): Promise<void> {
  const { local, facts, log } = context;
  context.setActivity('keeping WAL that was written alone');
  try {
    const kept = await keep(context, upstream);
    if (kept === null) return;
    new LostWalDirectory(local.config.stateDirectory).complete(kept);
    facts.divergedWal = kept;
    const { path, committed, keptBytes } = kept;
    log.warn('WAL written alone was kept', { path, committed, keptBytes });
  } catch (error) {
    log.error('WAL written alone could not be kept', { why: messageOf(error) });
  }
}

async function keep(context: StepContext, upstream: MemberRecord): Promise<DivergedWal | null> {
  const { local, observer, state } = context;
  const { installation, dataDirectory } = local;
  const directory = observer.latest?.directory;
  if (directory?.kind !== 'initialised') return null;
  const end = directory.walEnd ?? (await readWalEnd(installation, dataDirectory));
  const divergence = divergenceOf(directory, end.lsn, state.history);
  if (divergence.kind !== 'forked' || divergence.commonEnd.lsn >= end.lsn) return null;
  const { walSegmentBytes } = await readControlData(installation, dataDirectory);
  const keptAt = Date.now();
  const path = new LostWalDirectory(local.config.stateDirectory).make(keptAt);
  const from = divergence.commonEnd;
  const { keptBytes, truncated, summary } = await keepWal(installation, {
    ...{ dataDirectory, into: path, walSegmentBytes, limitBytes: KEPT_LIMIT_BYTES },
    range: { timeline: end.timeline, from: from.lsn, to: end.lsn },
    timeoutMs: WAL_END_MS,
  });
  const { committed, aborted, firstCommit, lastCommit, relations, moreRelations } = summary;
  const names = await namesOf(
    context,
    upstream,
    relations.map(({ file }) => file),
  );
  return {
    ...{ keptAt, path, from, to: end, keptBytes, truncated },
    ...{ committed, aborted, firstCommit, lastCommit, moreRelations },
    relations: relations.map(({ file, records }) => ({ name: names.get(file) ?? file, records })),
  };
}

/** As the new primary knows them; what was created by the lost WAL itself keeps its number. */
async function namesOf(
  { local, log }: StepContext,
  upstream: MemberRecord,
  files: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  const byDatabase = new Map<string, string[]>();
  for (const file of files.slice(0, NAMED_MAX)) {
    const database = file.split('/')[1] ?? '';
    byDatabase.set(database, [...(byDatabase.get(database) ?? []), file]);
  }
  const target = local.remote(upstream);
  const session = new SqlSession(target);
  try {
    for (const [oid, own] of [...byDatabase].slice(0, DATABASES_MAX)) {
      const [row] = await session.query('SELECT datname FROM pg_database WHERE oid = $1', [oid]);
      const database = row?.['datname'];
      if (typeof database !== 'string') continue;
      const inside = new SqlSession({ ...target, database });
      try {
        for (const file of own) await nameOne(inside, database, file, names);
      } finally {
        inside.close();
      }
    }
  } catch (error) {
    log.info('relations are named by their files', { why: messageOf(error) });
  } finally {
    session.close();
  }
  return names;
}

async function nameOne(
  session: SqlSession,
  database: string,
  file: string,
  names: Map<string, string>,
): Promise<void> {
  const [space, , node] = file.split('/');
  const [row] = await session.query(
    `SELECT pg_filenode_relation(
       CASE WHEN $1::oid = (SELECT dattablespace FROM pg_database WHERE datname = current_database())
         THEN 0 ELSE $1::oid END, $2::oid)::regclass::text AS name`,
    [space, node],
  );
  const name = row?.['name'];
  if (typeof name === 'string') names.set(file, `${database}: ${name}`);
}
