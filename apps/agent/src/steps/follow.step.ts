import type { MemberRecord } from '#libs/cluster';
import { takesConninfoByReload } from '#libs/postgres-model';
import { changeManagedSettings, clearDetachedMark } from '#libs/postgres-run';
import { upstreamSettings } from '../postgres/settings.ts';
import { walSettings } from '../postgres/wal-programs.ts';
import { FAST_STOP_MS } from '../timing.ts';
import type { StepContext } from './step-context.ts';

/** Points a running standby at another primary. 12 reads the setting at its start only. */
export async function follow(context: StepContext, upstream: MemberRecord): Promise<void> {
  const { local, state, facts, guard, log } = context;
  facts.detached = null;
  const { config, dataId, passFile, dataDirectory } = local;
  changeManagedSettings(dataDirectory, {
    ...walSettings(state, config, true),
    ...upstreamSettings({
      config,
      definition: state.postgres,
      upstream: upstream.postgres,
      dataId: dataId.current(),
      passFile,
    }),
  });
  clearDetachedMark(dataDirectory);
  log.info('follows', { upstream: upstream.name });
  if (takesConninfoByReload(local.installation.version)) local.reloadIfRunning();
  else await guard.ask({ type: 'stop', mode: 'fast', budgetMs: FAST_STOP_MS }, FAST_STOP_MS * 2);
}
