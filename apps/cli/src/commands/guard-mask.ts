import { loadAgentConfig } from '#libs/config';
import {
  debianClustersOf,
  maskStartingUnits,
  restoreStart,
  unmaskStartingUnits,
} from '#libs/postgres-run';
import { dropPrivileges } from '#libs/process';
import { EXIT, type Outcome } from '../outcome.ts';

/** As root, so that no unit of the distribution starts PostgreSQL beside the guard (safety 10). */
export async function maskUnits(configFile: string): Promise<Outcome> {
  const { dataDirectory } = loadAgentConfig(configFile).postgres;
  const masked = await maskStartingUnits(dataDirectory);
  const text =
    masked.length === 0
      ? `no unit had to be masked: none starts PostgreSQL in ${dataDirectory}, or that is no cluster's yet`
      : `masked: ${masked.join(', ')}`;
  return { exitCode: EXIT.held, text, result: { masked } };
}

/** For a database that goes back to its distribution: its agent must be stopped and disabled by then. */
export async function unmaskUnits(configFile: string): Promise<Outcome> {
  const { dataDirectory, user } = loadAgentConfig(configFile).postgres;
  const unmasked = await unmaskStartingUnits(dataDirectory);
  // The files below are that user's, who could have put anything in their place.
  if (process.getuid?.() === 0) dropPrivileges(user);
  const restored = debianClustersOf(dataDirectory)
    .filter(({ directory }) => restoreStart(directory))
    .map(({ directory }) => `${directory}/start.conf`);
  const changed = [...unmasked, ...restored];
  const text =
    changed.length === 0
      ? `nothing was masked that starts PostgreSQL in ${dataDirectory}`
      : `as it was before: ${changed.join(', ')}`;
  return { exitCode: EXIT.held, text, result: { unmasked, restored } };
}
