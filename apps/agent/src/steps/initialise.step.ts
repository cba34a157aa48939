import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { initdb } from '#libs/postgres-run';
import {
  clearUnfinished,
  fsyncDirectory,
  putStandbySignal,
  unfinishedWork,
  writeFileDurably,
} from '#libs/process';
import type { StepContext } from './step-context.ts';

/**
 * Creates the first data directory of the cluster: made beside, it gets the name only when it is
 * complete.
 */
export async function initialise(context: StepContext): Promise<void> {
  const { local, state, log, setActivity } = context;
  const { dataDirectory } = local;
  await context.needCredentials();
  if (unfinishedWork(dataDirectory) !== undefined) {
    rmSync(dataDirectory, { recursive: true, force: true });
    clearUnfinished(dataDirectory);
  }
  setActivity('initdb');
  const passwordFile = join(local.config.stateDirectory, 'initdb-password');
  const password = local.credentials?.superuser.password ?? null;
  const beside = `${dataDirectory}.matriarch-initdb`;
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(dirname(dataDirectory), { recursive: true });
  if (password !== null) writeFileDurably(passwordFile, `${password}\n`);
  try {
    await initdb(local.installation, {
      dataDirectory: beside,
      superuser: state.postgres.superuser,
      ...(password === null ? {} : { passwordFile }),
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  putStandbySignal(beside);
  if (existsSync(dataDirectory)) rmdirSync(dataDirectory);
  renameSync(beside, dataDirectory);
  fsyncDirectory(dirname(dataDirectory));
  local.dataId.renew();
  context.observer.forgetDirectory();
  log.info('data directory initialised', { dataDirectory });
}
