import type { PgbackrestSettings } from '../../settings.ts';

/**
 * A repository host that falls silent, without power say, is given up after this many seconds without a message.
 * pgBackRest's own is half an hour, for the sake of backups that wait for a checkpoint; nobody waits for one here.
 */
const SILENCE = '--protocol-timeout=90';
/** Where that one is known the other has to be longer. */
const SHORTER = '--db-timeout=80';

function base({ program, stanza, config, repository }: PgbackrestSettings): readonly string[] {
  return [
    program,
    ...(config === null ? [] : [`--config=${config}`]),
    `--stanza=${stanza}`,
    ...(repository === null ? [] : [`--repo=${repository}`]),
  ];
}

export function infoCommand(settings: PgbackrestSettings): readonly string[] {
  return [...base(settings), '--output=json', '--log-level-console=off', 'info'];
}

/** Tells the tablespaces of one backup: for people where pgBackRest is too old to tell a program. */
export function backupInfoCommand(
  settings: PgbackrestSettings,
  label: string,
  output: 'json' | 'text',
): readonly string[] {
  const form = [`--set=${label}`, `--output=${output}`];
  return [...base(settings), ...form, '--log-level-console=off', 'info'];
}

export type RestorePlaces = {
  readonly dataDirectory: string;
  /** By tablespace name. */
  readonly tablespaces: Readonly<Record<string, string>>;
};

/**
 * Into a new directory. `--type=none` writes no recovery settings at all: ours are written by the agent,
 * and `standby.signal` of the backup does not decide (corrections 15).
 */
export function restoreCommand(
  settings: PgbackrestSettings,
  { dataDirectory, tablespaces }: RestorePlaces,
  label: string,
): readonly string[] {
  const { processes } = settings;
  return [
    ...base(settings),
    `--pg1-path=${dataDirectory}`,
    ...Object.entries(tablespaces).map(([name, path]) => `--tablespace-map=${name}=${path}`),
    ...(processes === null ? [] : [`--process-max=${processes}`]),
    `--set=${label}`,
    '--type=none',
    SILENCE,
    '--log-level-console=detail',
    '--log-level-stderr=error',
    '--log-level-file=off',
    'restore',
  ];
}

/** It reads `pg_control` of its own `pg1-path`, and stands in that directory. */
export function archiveGetCommand(
  settings: PgbackrestSettings,
  dataDirectory?: string,
): readonly string[] {
  const elsewhere = dataDirectory === undefined ? [] : [`--pg1-path=${dataDirectory}`];
  const patience = [SHORTER, SILENCE];
  const options = [...base(settings), ...elsewhere, ...patience, '--log-level-console=error'];
  return [...options, 'archive-get', '%f', '%p'];
}

export function archivePushCommand(settings: PgbackrestSettings): readonly string[] {
  return [...base(settings), '--log-level-console=error', 'archive-push', '%p'];
}
