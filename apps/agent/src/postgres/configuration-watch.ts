import { basename, join } from 'node:path';
import { type ClusterState, type DataDirectory, inMaintenance } from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { isOursInAutoConf, MANAGED_CONF, managedReason, parseSettings } from '#libs/postgres-model';
import { type ConfigChange, type ObservedSettings, readManagedSettings } from '#libs/postgres-run';
import { readFileIfPresent } from '#libs/process';

const AUTO_CONF = 'postgresql.auto.conf';
/** How long what somebody wrote into our files may stay there. */
const LOOK_INTERVAL_MS = 10_000;
/** How long what is seen to be in force instead of ours may be: a standby that streams from nobody holds up commits. */
const OVERRIDDEN_INTERVAL_MS = 1_000;

type Seen = {
  readonly instance: InstanceName;
  /** Whether clients are let in. */
  readonly clients: boolean;
  readonly directory: DataDirectory | null;
  /** PostgreSQL runs there, started by another system. */
  readonly others: boolean;
  /** The values in force; null while PostgreSQL does not answer. */
  readonly settings: ObservedSettings | null;
};

type Local = {
  readonly dataDirectory: string;
  refreshConfiguration(state: ClusterState, clients: boolean): ConfigChange;
};

/**
 * Keeps PostgreSQL's files as the events want them: with each new version of the state, and every ten seconds
 * against what was changed by hand (a pg_hba.conf that keeps the agent itself out, ALTER SYSTEM of a
 * setting that is ours), sooner where a look shows that it is in force.
 */
export class ConfigurationWatch {
  /** What wins over the configuration and is not ours to take away, in words; null: nothing. */
  problem: string | null = null;
  #version = -1;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    readonly local: Local,
    readonly log: Pick<Logger, 'info' | 'warn'>,
  ) {}

  /** True when files were written; PostgreSQL was told to read them. */
  look(state: ClusterState, seen: Seen, nowMs: number): boolean {
    const { instance, clients, directory, others } = seen;
    // Another database's, named by mistake, or one that is not taken over yet: not a line of it is ours.
    if (others || !isOurs(state, directory)) return false;
    const isNew = this.#version !== state.version;
    const intervalMs = isOverridden(seen.settings) ? OVERRIDDEN_INTERVAL_MS : LOOK_INTERVAL_MS;
    const isDue = nowMs - this.#lookedAtMs >= intervalMs;
    // Who works on an instance may try what they like there.
    if (!isNew && (!isDue || inMaintenance(state, instance))) return false;
    this.#lookedAtMs = nowMs;
    this.#version = state.version;
    const { changedFiles } = this.local.refreshConfiguration(state, clients);
    this.problem = this.#problemNow();
    if (changedFiles.length === 0) return false;
    // Our own file alone: what the last start wrote for that start.
    const byHand = !isNew && changedFiles.some((name) => name !== MANAGED_CONF);
    if (byHand) {
      this.log.warn('files of ours were changed by hand and are written anew', { changedFiles });
    } else this.log.info('configuration written', { changedFiles });
    return true;
  }

  #problemNow(): string | null {
    const { dataDirectory } = this.local;
    const text = readFileIfPresent(join(dataDirectory, AUTO_CONF)) ?? '';
    const ours = readManagedSettings(dataDirectory);
    const names = Object.keys(parseSettings(text)).filter(
      // What only we set is taken away there without a word.
      (name) => Object.hasOwn(ours, name) && managedReason(name) === undefined,
    );
    if (names.length === 0) return null;
    const resets = names.map((name) => `ALTER SYSTEM RESET ${name}`).join('; ');
    return `postgresql.auto.conf sets ${names.join(', ')} and wins over the cluster's configuration here: ${resets}, then pg_reload_conf()`;
  }
}

/** By `ALTER SYSTEM`: what another file sets is not ours to take away. */
function isOverridden(settings: ObservedSettings | null): boolean {
  return Object.entries(settings ?? {}).some(
    ([name, { sourceFile = '' }]) => basename(sourceFile) === AUTO_CONF && isOursInAutoConf(name),
  );
}

/** Before the first primary nobody's data is the cluster's; the steps that make it write its files themselves. */
export function isOurs(
  { systemIdentifier }: ClusterState,
  directory: DataDirectory | null,
): boolean {
  if (systemIdentifier === null || directory?.kind !== 'initialised') return false;
  return directory.systemIdentifier === systemIdentifier;
}
