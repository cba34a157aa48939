import { join } from 'node:path';
import {
  finishCopy,
  proveSource,
  type RebuildTool,
  recoverCopy,
  restoreScript,
  type SourceRequest,
  walSetting,
} from '#libs/backup';
import { type BootstrapPolicy, rebuildPolicyOf } from '#libs/cluster';
import {
  type CopyPlaces,
  DETACHED_MARK,
  ensureReplicationRole,
  ensureRewindRole,
  ensureSuperuser,
  type SqlSession,
} from '#libs/postgres-run';
import { writeFileIfChanged } from '#libs/process';
import { toolFor } from '../rebuild/tools-here.ts';
import { runBootstrapSql, runPostBootstrap } from './bootstrap-sql.ts';
import type { StepContext } from './step-context.ts';
import { StepFailedError } from './step-error.ts';

type Source = NonNullable<BootstrapPolicy['source']>;

const RESTORE_LIMIT_SECONDS = 300;
const EXECUTABLE = 0o700;
const NOTHING_EXPECTED = { systemIdentifier: null, timeline: null };

/**
 * Fills `places` from a backup and recovers it to its target, by a server that nobody else can reach,
 * onto a new timeline. The first grant is of the timeline that is found.
 */
export async function restoreFirst(
  context: StepContext,
  places: CopyPlaces,
  source: Source,
): Promise<void> {
  const { local, state, signal, setActivity, log } = context;
  const { installation } = local;
  const tool = toolFor(source.tool, local.config);
  if (tool === null) {
    throw new StepFailedError(`backup.${source.tool} is not configured on this host`);
  }
  const { dataDirectory } = local;
  const request = { installation, dataDirectory, expected: NOTHING_EXPECTED, server: null };
  const facts = await copied(context, places, source, tool, request);
  setActivity(`${source.tool}: recovery to ${targetText(source)}`);
  await recoverCopy(
    installation,
    {
      dataDirectory: places.dataDirectory,
      superuser: state.postgres.superuser,
      restoreCommand: restoreCommandOf(context, tool, places),
      target: source.target,
      archive: facts.wal,
      archives: state.postgres.archive !== undefined,
      signal,
    },
    async (session) => {
      await setPasswords(context, session);
      await runBootstrapSql(session, state.postgres.bootstrap?.sql ?? []);
      await runPostBootstrap(context.hooks, session, signal);
    },
  );
  await finishCopy(installation, places, NOTHING_EXPECTED);
  log.info('first data directory restored', { tool: source.tool, target: targetText(source) });
}

async function copied(
  { state, signal, setActivity, local }: StepContext,
  places: CopyPlaces,
  source: Source,
  tool: RebuildTool,
  request: SourceRequest,
) {
  const { bandwidthBytesPerSecond } = rebuildPolicyOf(state.postgres);
  const preflight = await proveSource(tool, request, bandwidthBytesPerSecond);
  if (!preflight.ok) throw new StepFailedError(`${source.tool}: ${preflight.detail}`);
  const facts = await tool.inspect(request);
  await tool.copy({
    ...request,
    places,
    bandwidthBytesPerSecond,
    expectedBytes: facts.bytes,
    target: source.target,
    signal,
    onProgress: (done, total) =>
      setActivity(`${source.tool}: ${done} of ${total ?? '?'} bytes restored`),
  });
  await finishCopy(local.installation, places, NOTHING_EXPECTED);
  return facts;
}

/** The backup has the passwords of its time; standbys will come with those of the cluster's file. */
async function setPasswords({ local }: StepContext, session: SqlSession): Promise<void> {
  const { credentials } = local;
  if (credentials === null) return;
  const roleOf = ({ username: name, password }: typeof credentials.superuser) =>
    password === null ? { name } : { name, password };
  await ensureSuperuser(session, roleOf(credentials.superuser));
  await ensureReplicationRole(session, roleOf(credentials.replication));
  await ensureRewindRole(session, roleOf(credentials.rewind));
}

function restoreCommandOf(
  { local }: StepContext,
  tool: RebuildTool,
  { dataDirectory }: CopyPlaces,
): string | null {
  const program = tool.walFetch(dataDirectory);
  if (program === null) return null;
  const script = join(local.config.stateDirectory, 'wal-restore-first');
  const limits = {
    detachedMark: DETACHED_MARK,
    limitSeconds: RESTORE_LIMIT_SECONDS,
    failureEndsRecovery: true,
  };
  writeFileIfChanged(script, restoreScript(program, limits), EXECUTABLE);
  return walSetting(script, 'restore');
}

function targetText({ target }: Source): string {
  return target === null ? 'the end of the archive' : `${target.kind} ${target.value}`;
}
