/**
 * The guard's settings: `<stateDirectory>/guard.json`, written by the agent and read by the guard,
 * which has no YAML and no schema library.
 */
import {
  type ClusterName,
  clusterName,
  DomainError,
  type InstanceName,
  instanceName,
} from '#libs/kernel';

/** Until the controllers say otherwise with `granted`; see `ClusterSettings` for the meaning. */
export type GuardTiming = {
  readonly leaseTtlMs: number;
  readonly renewIntervalMs: number;
  readonly stopBudgetMs: number;
  readonly guardKillMs: number;
  /** How long a fast stop may take when the guard itself is told to end; then an immediate stop. */
  readonly shutdownStopMs: number;
};

export const DEFAULT_GUARD_TIMING: GuardTiming = {
  leaseTtlMs: 3_000,
  renewIntervalMs: 400,
  stopBudgetMs: 300,
  guardKillMs: 150,
  shutdownStopMs: 30_000,
};

/** The host's watchdog timer; the guard feeds it while PostgreSQL is a primary. */
export type WatchdogSettings = {
  /** `required`: without it this host never asks for a lease. */
  readonly mode: 'off' | 'automatic' | 'required';
  readonly device: string;
  /** It resets the host at least this long before the lease ends. */
  readonly safetyMarginMs: number;
};

export const DEFAULT_WATCHDOG: WatchdogSettings = {
  mode: 'off',
  device: '/dev/watchdog',
  safetyMarginMs: 500,
};

/** How a guard ends at its start when PostgreSQL runs that no guard has left there. */
export const SERVER_OF_OTHERS_EXIT_CODE = 3;

export type GuardSettings = {
  readonly cluster: ClusterName;
  readonly instance: InstanceName;
  /** `address` is `host:port`; IPv6 hosts stand in brackets. */
  readonly controllers: readonly { readonly name: string; readonly address: string }[];
  /** Paths of PEM files; the certificate has the role guard. */
  readonly tls: { readonly ca: string; readonly certificate: string; readonly key: string };
  /** Unix socket for the agent, mode 0600, at most 107 bytes. */
  readonly socketPath: string;
  readonly postgres: {
    /** OS user that guard and PostgreSQL run as; a guard started as root changes to it first. */
    readonly user: string;
    readonly dataDirectory: string;
    /** Path of the `postgres` program. */
    readonly binary: string;
    /** What follows `-D <dataDirectory>`. */
    readonly arguments: readonly string[];
    /** The postmaster's stdout and stderr are appended here. */
    readonly logFile: string;
  };
  readonly timing: GuardTiming;
  readonly watchdog: WatchdogSettings;
};

export class GuardSettingsError extends DomainError {
  readonly code = 'GUARD_SETTINGS';

  constructor(key: string, expected: string) {
    super(`guard settings: '${key}' must be ${expected}`);
  }
}

/** @throws GuardSettingsError */
export function parseGuardSettings(decoded: unknown): GuardSettings {
  const root = section(decoded, 'the whole file');
  const tls = section(root['tls'], 'tls');
  const postgres = section(root['postgres'], 'postgres');
  return {
    cluster: clusterName(text(root, 'cluster')),
    instance: instanceName(text(root, 'instance')),
    controllers: list(root['controllers'], 'controllers').map((item) => {
      const controller = section(item, 'controllers');
      return { name: text(controller, 'name'), address: text(controller, 'address') };
    }),
    tls: { ca: text(tls, 'ca'), certificate: text(tls, 'certificate'), key: text(tls, 'key') },
    socketPath: text(root, 'socketPath'),
    postgres: {
      user: text(postgres, 'user'),
      dataDirectory: text(postgres, 'dataDirectory'),
      binary: text(postgres, 'binary'),
      arguments: list(postgres['arguments'], 'postgres.arguments').map((item) => {
        if (typeof item === 'string') return item;
        throw new GuardSettingsError('postgres.arguments', 'a list of texts');
      }),
      logFile: text(postgres, 'logFile'),
    },
    timing: parseTiming(root['timing']),
    watchdog: parseWatchdog(root['watchdog']),
  };
}

/** Settings that an older agent wrote name none. */
function parseWatchdog(decoded: unknown): WatchdogSettings {
  if (decoded === undefined) return DEFAULT_WATCHDOG;
  const given = section(decoded, 'watchdog');
  const mode = (['off', 'automatic', 'required'] as const).find((one) => one === given['mode']);
  if (mode === undefined) {
    throw new GuardSettingsError('watchdog.mode', 'off, automatic or required');
  }
  const { safetyMarginMs } = given;
  if (typeof safetyMarginMs !== 'number' || !Number.isSafeInteger(safetyMarginMs)) {
    throw new GuardSettingsError('watchdog.safetyMarginMs', 'a whole number of milliseconds');
  }
  return { mode, device: text(given, 'device'), safetyMarginMs };
}

function parseTiming(decoded: unknown): GuardTiming {
  if (decoded === undefined) return DEFAULT_GUARD_TIMING;
  const given = section(decoded, 'timing');
  const timing: GuardTiming = {
    leaseTtlMs: duration(given, 'leaseTtlMs'),
    renewIntervalMs: duration(given, 'renewIntervalMs'),
    stopBudgetMs: duration(given, 'stopBudgetMs'),
    guardKillMs: duration(given, 'guardKillMs'),
    shutdownStopMs: duration(given, 'shutdownStopMs'),
  };
  if (timing.guardKillMs >= timing.stopBudgetMs) {
    throw new GuardSettingsError('timing.guardKillMs', 'less than stopBudgetMs');
  }
  if (timing.renewIntervalMs + timing.stopBudgetMs >= timing.leaseTtlMs) {
    throw new GuardSettingsError('timing.leaseTtlMs', 'more than renewIntervalMs + stopBudgetMs');
  }
  return timing;
}

type Section = Readonly<Record<string, unknown>>;

function section(value: unknown, key: string): Section {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GuardSettingsError(key, 'an object');
  }
  return value as Section;
}

function list(value: unknown, key: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new GuardSettingsError(key, 'a list');
  return value;
}

function text(from: Section, key: string): string {
  const value = from[key];
  if (typeof value === 'string' && value !== '') return value;
  throw new GuardSettingsError(key, 'a text');
}

function duration(from: Section, key: keyof GuardTiming): number {
  const value = from[key] ?? DEFAULT_GUARD_TIMING[key];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw new GuardSettingsError(`timing.${key}`, 'a whole number of milliseconds above 0');
}
