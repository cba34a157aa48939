import type { BarmanSettings } from '../../settings.ts';

/** What runs on the Barman host: there itself, or over SSH, whose command line its shell reads. */
export function onBarmanHost(
  { host, user, ssh }: BarmanSettings,
  argv: readonly string[],
  sshOptions: readonly string[] = [],
): readonly string[] {
  if (host === null) return argv;
  return [
    ...ssh,
    ...sshOptions,
    ...ENDS_WITH_THEM,
    `${user}@${host}`,
    argv.map(shellQuoted).join(' '),
  ];
}

/** A host that falls silent, without power say, is given up after a minute; what `ssh` itself is told goes first. */
const ENDS_WITH_THEM = ['-o', 'ServerAliveInterval=15', '-o', 'ServerAliveCountMax=4'];

/** On a terminal it is hung up when our end goes: otherwise it would go on copying into the place of the next copy. */
const ENDS_WITH_US = ['-tt', '-o', 'LogLevel=ERROR'];

export function showBackupCommand(settings: BarmanSettings): readonly string[] {
  const { program, server, backup } = settings;
  return onBarmanHost(settings, [...program, '-f', 'json', 'show-backup', server, backup]);
}

/** As people read it: it says more than the JSON of Barman 3.4. */
export function describeBackupCommand(settings: BarmanSettings, id: string): readonly string[] {
  const { program, server } = settings;
  return onBarmanHost(settings, [...program, 'show-backup', server, id]);
}

/** The content of one archived file, or with `--peek` the names of those that follow without a gap. */
export function getWalCommand(
  settings: BarmanSettings,
  file: string,
  options: readonly string[] = [],
): readonly string[] {
  const { program, server } = settings;
  return onBarmanHost(settings, [...program, 'get-wal', ...options, server, file]);
}

/** The kernel's name for this start of a host: no two hosts have the same. */
export const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

/**
 * Who answers the Barman host where it would push to; null where nothing goes over SSH. Options of the
 * command's own stand before ours, and go first.
 */
export function whoIsThereCommand(settings: BarmanSettings): readonly string[] | null {
  const { host, remoteSshCommand } = settings;
  if (host === null || remoteSshCommand === null) return null;
  const patience = /^\S*ssh\s/.test(remoteSshCommand) ? ' -o ConnectTimeout=5' : '';
  const asked = `${askingNobody(remoteSshCommand)}${patience} cat ${BOOT_ID_FILE}`;
  return onBarmanHost(settings, ['sh', '-c', asked]);
}

export type RecoverPlaces = {
  readonly dataDirectory: string;
  /** By tablespace name. */
  readonly tablespaces: Readonly<Record<string, string>>;
};

/**
 * Barman pushes with rsync, so it must reach this host as PostgreSQL's user. Without a target it writes
 * no recovery settings that would matter: `--standby-mode` and the rest are ours.
 */
export function recoverCommand(
  settings: BarmanSettings,
  { dataDirectory, tablespaces }: RecoverPlaces,
  backup: string,
): readonly string[] {
  const { program, server, remoteSshCommand } = settings;
  const argv = [
    ...program,
    'recover',
    '--get-wal',
    ...(remoteSshCommand === null ? [] : ['--remote-ssh-command', askingNobody(remoteSshCommand)]),
    ...Object.entries(tablespaces).flatMap(([name, path]) => ['--tablespace', `${name}:${path}`]),
    server,
    backup,
    dataDirectory,
  ];
  return onBarmanHost(settings, argv, ENDS_WITH_US);
}

export function walRestoreCommand(settings: BarmanSettings): readonly string[] {
  const { walRestoreProgram, user, host, server, program } = settings;
  if (host === null) {
    return ['sh', '-c', 'exec "$@" > "$0"', '%p', ...program, 'get-wal', server, '%f'];
  }
  return [walRestoreProgram, '--user', user, host, server, '%f', '%p'];
}

export function walArchiveCommand(settings: BarmanSettings): readonly string[] {
  const { walArchiveProgram, user, host, server, program } = settings;
  if (host === null) {
    const pack = 'tar -cf - -C "$(dirname "$0")" "$(basename "$0")" | "$@"';
    return ['sh', '-c', pack, '%p', ...program, 'put-wal', server];
  }
  return [walArchiveProgram, '--user', user, host, server, '%p'];
}

export function listBackupsCommand(settings: BarmanSettings): readonly string[] {
  const { program, server } = settings;
  return onBarmanHost(settings, [...program, '-f', 'json', 'list-backups', server]);
}

/** Barman stands on a terminal, where its ssh would ask for a password, and wait. */
export function askingNobody(command: string): string {
  return command.includes('BatchMode')
    ? command
    : command.replace(/^(\S*ssh)\s/, '$1 -o BatchMode=yes ');
}

function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
