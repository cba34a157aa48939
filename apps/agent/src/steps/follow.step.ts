import { followedArchive, type MemberRecord, remoteAt } from '#libs/cluster';
import { takesConninfoByReload } from '#libs/postgres-model';
import { changeManagedSettings, clearDetachedMark } from '#libs/postgres-run';
import { upstreamSettings } from '../postgres/settings.ts';
import { walSettings } from '../postgres/wal-programs.ts';
import { walFetchOf } from '../rebuild/tools-here.ts';
import { FAST_STOP_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';
import { StepFailedError } from './step-error.ts';

/** Points a running standby at another upstream, or at the archive. 12 reads it at its start only. */
export async function follow(
  context: StepContext,
  upstream: MemberRecord | null,
  archiveOnly: boolean,
): Promise<void> {
  const { local, state, facts, guard, log } = context;
  if (archiveOnly) needArchive(context);
  facts.detached = null;
  const { config, dataId, passFile, dataDirectory } = local;
  const server = archiveOnly || upstream === null ? null : upstream.postgres;
  changeManagedSettings(dataDirectory, {
    ...local.turning(state),
    ...walSettings(state, config, true),
    ...upstreamSettings({
      config,
      definition: state.postgres,
      upstream: server,
      remote: remoteAt(state, server),
      dataId: dataId.current(),
      passFile,
    }),
  });
  clearDetachedMark(dataDirectory);
  log.info('follows', { upstream: server === null ? 'the archive' : upstream?.name });
  if (takesConninfoByReload(local.installation.version)) local.reloadIfRunning();
  else await guard.ask({ type: 'stop', mode: 'fast', budgetMs: FAST_STOP_MS }, FAST_STOP_MS * 2);
}

/** @throws StepFailedError when nothing on this host fetches WAL */
export function needArchive({ local, state }: StepContext): void {
  if (walFetchOf(state, local.config) !== null) return;
  const followed = followedArchive(state);
  throw new StepFailedError(
    followed === null
      ? 'tags.noStream is true and nothing here fetches WAL from an archive: name a tool under backup'
      : `the cluster follows the ${followed} archive, and backup.${followed} of this host fetches no WAL: name it in the agent's file`,
  );
}
