import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { endReceivers } from '#libs/backup';
import { DEFAULT_BOOTSTRAP } from '#libs/cluster';
import {
  CopyPlaces,
  dataPlacesOf,
  discardCopy,
  finishSwap,
  initdb,
  swapIn,
  syncFileSystems,
  withPrivateServer,
} from '#libs/postgres-run';
import { putStandbySignal, unfinishedWork, writeFileDurably } from '#libs/process';
import { BOOTSTRAP_SQL_MS } from '../timing.ts';
import { runBootstrapSql, runPostBootstrap } from './bootstrap-sql.ts';
import { copyFirst } from './copy-first.ts';
import { restoreFirst } from './restore-first.ts';
import type { StepContext } from './step-context.ts';
import { StepFailedError } from './step-error.ts';

/**
 * Creates the first data directory of the cluster, by initdb, from a backup, or of the one it follows: made beside, it gets the
 * name only when it is complete.
 */
export async function initialise(context: StepContext): Promise<void> {
  const { local, observer, log } = context;
  const { dataDirectory } = local;
  // A crash between the renames: what was made was complete.
  if ((await finishSwap(dataDirectory)) === null) await makeFirst(context);
  local.dataId.renew();
  observer.forgetDirectory();
  log.info('data directory initialised', { dataDirectory });
}

async function makeFirst(context: StepContext): Promise<void> {
  const { local, state, setActivity } = context;
  const { config, installation, dataDirectory } = local;
  const work = unfinishedWork(dataDirectory);
  if (work !== undefined) throw new StepFailedError(`${work} did not end in ${dataDirectory}`);
  const { bootstrap = DEFAULT_BOOTSTRAP } = state.postgres;
  const { walDirectory, tablespaces } = config.postgres;
  await context.needCredentials();
  const places = new CopyPlaces({ ...dataPlacesOf(dataDirectory), walDirectory }, tablespaces);
  try {
    await endReceivers(places.dataDirectory);
    await places.prepare();
    if (state.following !== undefined) {
      await copyFirst(context, places, state.following.remote);
    } else if (bootstrap.source !== null) {
      await restoreFirst(context, places, bootstrap.source);
    } else {
      setActivity('initdb');
      await runInitdb(context, places, bootstrap.initdbOptions);
      const hook = config.hooks.commands.postBootstrap;
      if (bootstrap.sql.length > 0 || hook !== undefined) {
        await prepareDatabase(context, places, bootstrap.sql);
      }
    }
    putStandbySignal(places.dataDirectory);
    await syncFileSystems(installation, places.dataDirectory);
    await swapIn(places, true);
  } finally {
    await discardCopy(places);
  }
}

async function runInitdb(
  { local, state }: StepContext,
  { dataDirectory, walDirectory }: CopyPlaces,
  extraOptions: readonly string[],
): Promise<void> {
  const passwordFile = join(local.config.stateDirectory, 'initdb-password');
  const password = local.credentials?.superuser.password ?? null;
  if (password !== null) writeFileDurably(passwordFile, `${password}\n`);
  try {
    await initdb(local.installation, {
      dataDirectory,
      superuser: state.postgres.superuser,
      // What is made is put on disk as a whole, just before it gets its name.
      extraOptions: ['--no-sync', ...extraOptions],
      ...(walDirectory === null ? {} : { walDirectory }),
      ...(password === null ? {} : { passwordFile }),
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function prepareDatabase(
  { local, state, signal, setActivity, hooks }: StepContext,
  { dataDirectory }: CopyPlaces,
  statements: readonly string[],
): Promise<void> {
  setActivity('bootstrap.sql');
  const { superuser, archive } = state.postgres;
  const settings = { archive_mode: archive === undefined ? 'off' : 'on', archive_command: '' };
  const server = { dataDirectory, superuser, settings, timeoutMs: BOOTSTRAP_SQL_MS, signal };
  await withPrivateServer(local.installation, server, async (session, ended) => {
    await runBootstrapSql(session, statements);
    await runPostBootstrap(hooks, session, ended);
  });
}
