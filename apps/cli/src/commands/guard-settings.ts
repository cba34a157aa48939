import { chownSync, mkdirSync } from 'node:fs';
import { guardPaths, loadAgentConfig, readTlsFiles, toGuardSettings } from '#libs/config';
import { dataDirectoryMajor, findInstallation } from '#libs/postgres-run';
import { osUser, writeFileDurably } from '#libs/process';
import { EXIT, type Outcome } from '../outcome.ts';

/** Writes what the guard reads from the agent's file, and names where; `bin/matriarch guard` calls it. */
export async function writeGuardSettings(configFile: string): Promise<Outcome> {
  const config = loadAgentConfig(configFile);
  readTlsFiles(config.guardTls);
  const { binDirectory, dataDirectory } = config.postgres;
  const major = dataDirectoryMajor(dataDirectory);
  const installation = await findInstallation({
    ...(binDirectory === null ? {} : { binDirectory }),
    ...(major === undefined ? {} : { major }),
  });
  const path = guardPaths(config).settings;
  const made = mkdirSync(config.stateDirectory, { recursive: true, mode: 0o700 });
  if (made !== undefined && process.getuid?.() === 0) {
    // Started as root, the guard becomes this user before it writes here.
    const { uid, gid } = osUser(config.postgres.user);
    chownSync(config.stateDirectory, uid, gid);
  }
  const settings = toGuardSettings(config, installation.binDirectory);
  writeFileDurably(path, `${JSON.stringify(settings, null, 2)}\n`);
  return { exitCode: EXIT.held, text: path, result: { settings: path } };
}
