import { join } from 'node:path';
import { formatAddress } from '#libs/kernel';
import { DEFAULT_GUARD_TIMING, type GuardSettings } from '#libs/protocol';
import type { AgentConfig } from './agent-config.ts';

/** Where the agent's configuration puts what agent and guard share. */
export function guardPaths(config: Pick<AgentConfig, 'stateDirectory'>) {
  return {
    settings: join(config.stateDirectory, 'guard.json'),
    socket: join(config.stateDirectory, 'guard.sock'),
    postgresLog: join(config.stateDirectory, 'postgresql.log'),
  };
}

/** The guard's settings, which follow from the agent's configuration and from where PostgreSQL is. */
export function toGuardSettings(config: AgentConfig, binDirectory: string): GuardSettings {
  const paths = guardPaths(config);
  const { cluster, instance, controllers, guardTls, postgres } = config;
  return {
    cluster,
    instance,
    controllers: controllers.map(({ name, address }) => ({
      name,
      address: formatAddress(address),
    })),
    tls: guardTls,
    socketPath: paths.socket,
    postgres: {
      user: postgres.user,
      dataDirectory: postgres.dataDirectory,
      binary: join(binDirectory, 'postgres'),
      arguments: [],
      logFile: paths.postgresLog,
    },
    timing: DEFAULT_GUARD_TIMING,
    watchdog: config.watchdog,
  };
}
