import { readFileSync } from 'node:fs';
import type { RecoveryTarget } from '#libs/cluster';
import { messageOf, type TimelineId } from '#libs/kernel';
import { type Installation, runTool } from '#libs/postgres-run';
import { ProcessError, type RunResult } from '#libs/process';
import { SizeWatch } from '../../directory-size.ts';
import { endedBefore } from '../../ended-before.ts';
import { COPY_LIMIT_MS, INSPECT_LIMIT_MS } from '../../limits.ts';
import {
  type CopyRequest,
  RebuildTool,
  SourceError,
  type SourceFacts,
  type SourceRequest,
  type WalProgram,
} from '../../rebuild-tool.ts';
import type { BarmanSettings } from '../../settings.ts';
import {
  BOOT_ID_FILE,
  describeBackupCommand,
  getWalCommand,
  listBackupsCommand,
  recoverCommand,
  showBackupCommand,
  walArchiveCommand,
  walRestoreCommand,
  whoIsThereCommand,
} from './barman.command.ts';
import {
  type BarmanBackup,
  isOtherHost,
  readBackupList,
  readShownBackup,
  readSystemIdentifier,
} from './barman.output.ts';
import { reachFrom } from './barman-reach.ts';

const SSH_FAILED = 255;
/** `show-backup` says what it refuses in its JSON and ends with 1. */
const ANSWERED = [0, 1];

/** Has Barman push a backup of a server to this host, by rsync over SSH. */
export class BarmanTool extends RebuildTool {
  readonly name = 'barman';
  readonly capabilities = {
    inPlace: false,
    fromServer: false,
    limitsBandwidth: false,
    archivesWal: true,
    restoresToTarget: true,
  };

  constructor(readonly settings: BarmanSettings) {
    super();
  }

  async inspect({ installation, expected }: SourceRequest): Promise<SourceFacts> {
    const [backup, pushes] = await Promise.all([
      this.#backup(installation, this.settings),
      this.#whyNotPushed(installation),
    ]);
    const { id, major, bytes } = backup;
    const reach = await this.#reach(installation, backup, expected.timeline);
    const systemIdentifier =
      backup.systemIdentifier ?? (await this.#systemIdentifier(installation, id));
    const { server, host } = this.settings;
    return {
      source: `backup ${id} of server ${server} on ${host ?? 'this host'}`,
      systemIdentifier,
      major,
      bytes,
      ...reach,
      bytesPerSecond: null,
      objections: pushes === null ? [] : [pushes],
    };
  }

  async copy(request: CopyRequest): Promise<void> {
    const { installation, places, signal, target, onProgress } = request;
    const backup = await this.#backupFor(installation, target);
    const tablespaces: Record<string, string> = {};
    for (const { name, location } of backup.tablespaces) {
      tablespaces[name] = places.tablespace(location);
    }
    const { dataDirectory } = places;
    const argv = recoverCommand(this.settings, { dataDirectory, tablespaces }, backup.id);
    const total = backup.bytes ?? request.expectedBytes;
    const watch = new SizeWatch(places.directories, (bytes) => onProgress(bytes, total));
    try {
      await runTool(installation, argv, { timeoutMs: COPY_LIMIT_MS, signal });
    } catch (cause) {
      throw this.#brokenOff(cause) ?? cause;
    } finally {
      watch.stop();
    }
  }

  override walFetch(): WalProgram {
    return { argv: walRestoreCommand(this.settings) };
  }

  override walArchive(): WalProgram {
    return { argv: walArchiveCommand(this.settings) };
  }

  /** The newest backup that ended before a target by time or LSN; else the configured one. */
  async #backupFor(
    installation: Installation,
    target: RecoveryTarget | null,
  ): Promise<BarmanBackup> {
    const { server } = this.settings;
    if (target?.kind !== 'time' && target?.kind !== 'lsn') {
      return this.#backup(installation, this.settings);
    }
    const list = readBackupList(
      await this.#ask(installation, listBackupsCommand(this.settings)),
      server,
    );
    // The list tells the end of each in time alone: a position is asked for one by one, newest first.
    for (const { id, endedAtMs } of list) {
      if (target.kind === 'time' && !endedBefore({ endedAtMs, endLsn: null }, target)) continue;
      const backup = await this.#backup(installation, { ...this.settings, backup: id });
      if (endedBefore(backup, target)) return backup;
    }
    throw new SourceError(`server ${server} has no backup that ended before ${target.value}`);
  }

  async #backup(installation: Installation, settings: BarmanSettings): Promise<BarmanBackup> {
    const json = await this.#ask(installation, showBackupCommand(settings));
    const shown = readShownBackup(json, settings.server);
    if (shown.kind === 'backup') return shown.backup;
    throw new SourceError(`barman: ${shown.why}`);
  }

  /** Before there is a cluster nobody knows how far recovery is to go, nor on which timeline. */
  async #reach(installation: Installation, backup: BarmanBackup, present: TimelineId | null) {
    if (present === null) return { wal: backup.wal };
    return reachFrom(backup, present, (file, options) =>
      this.#say(installation, getWalCommand(this.settings, file, options)),
    );
  }

  /** What it pushes arrives only where it reaches this host, and as a user that may log in here. */
  async #whyNotPushed(installation: Installation): Promise<string | null> {
    const argv = whoIsThereCommand(this.settings);
    if (argv === null) return null;
    const { host, remoteSshCommand } = this.settings;
    const way = `'${remoteSshCommand}' (backup.barman.remoteSshCommand) on ${host}`;
    try {
      const { stdout } = await runTool(installation, argv, { timeoutMs: INSPECT_LIMIT_MS });
      const other = isOtherHost(stdout, readFileSync(BOOT_ID_FILE, 'utf8'));
      return other ? `Barman would push to another host: ${way} does not lead to this one` : null;
    } catch (error) {
      return `Barman cannot push to this host: ${way} fails: ${messageOf(error)}`;
    }
  }

  /** SSH says so with its exit code alone where it is told to say little. */
  #brokenOff(cause: unknown): SourceError | null {
    const { host } = this.settings;
    if (host === null || !(cause instanceof ProcessError)) return null;
    const { cancelled, exitCode } = cause.failure;
    if (cancelled || exitCode !== SSH_FAILED) return null;
    return new SourceError(`the connection to ${host} broke off: ${messageOf(cause)}`, { cause });
  }

  async #systemIdentifier(installation: Installation, id: string): Promise<string | null> {
    const text = await this.#ask(installation, describeBackupCommand(this.settings, id));
    return readSystemIdentifier(text);
  }

  async #ask(installation: Installation, argv: readonly string[]): Promise<string> {
    const limits = { acceptExitCodes: ANSWERED };
    const { stdout, stderr } = await this.#run(installation, argv, limits);
    if (stdout.trim() !== '') return stdout;
    throw this.#silent(stderr.trim().split('\n').at(-1) ?? 'no answer');
  }

  /** Of a question whose answer may be nothing. */
  async #say(installation: Installation, argv: readonly string[]): Promise<string> {
    return (await this.#run(installation, argv, {})).stdout;
  }

  async #run(
    installation: Installation,
    argv: readonly string[],
    accept: { readonly acceptExitCodes?: readonly number[] },
  ): Promise<RunResult> {
    try {
      return await runTool(installation, argv, { timeoutMs: INSPECT_LIMIT_MS, ...accept });
    } catch (cause) {
      throw this.#silent(messageOf(cause), cause);
    }
  }

  #silent(why: string, cause?: unknown): SourceError {
    const where = this.settings.host ?? 'this host';
    return new SourceError(`barman on ${where} does not answer: ${why}`, { cause });
  }
}
