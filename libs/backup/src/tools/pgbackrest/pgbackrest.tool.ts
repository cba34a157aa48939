import type { RecoveryTarget } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import { type Installation, runTool } from '#libs/postgres-run';
import { ProcessError } from '#libs/process';
import { COPY_LIMIT_MS, INSPECT_LIMIT_MS } from '../../limits.ts';
import {
  type CopyRequest,
  RebuildTool,
  SourceError,
  type SourceFacts,
  type SourceRequest,
  type WalProgram,
} from '../../rebuild-tool.ts';
import type { PgbackrestSettings } from '../../settings.ts';
import {
  archiveGetCommand,
  archivePushCommand,
  backupInfoCommand,
  infoCommand,
  restoreCommand,
} from './pgbackrest.command.ts';
import {
  type Backup,
  backupFor,
  type RepositoryFacts,
  readInfo,
  readShownTablespaces,
  readTablespaces,
  restoreRatio,
} from './pgbackrest.output.ts';

/** pgBackRest's own: an option that cannot be used so. */
const OPTION_INVALID_EXIT_CODE = 27;

/** Restores the latest backup of a stanza, from a repository that pgBackRest's own file names. */
export class PgbackrestTool extends RebuildTool {
  readonly name = 'pgbackrest';
  readonly capabilities = {
    inPlace: false,
    fromServer: false,
    limitsBandwidth: false,
    archivesWal: true,
    restoresToTarget: true,
  };

  constructor(readonly settings: PgbackrestSettings) {
    super();
  }

  async inspect({ installation }: SourceRequest): Promise<SourceFacts> {
    const facts = await this.#info(installation);
    const { systemIdentifier, major, wal } = facts;
    const { label, bytes } = this.#backup(facts, null);
    return {
      source: `backup ${label} of stanza ${this.settings.stanza}`,
      systemIdentifier,
      major,
      bytes,
      wal,
      bytesPerSecond: null,
      objections: [],
    };
  }

  async copy(request: CopyRequest): Promise<void> {
    const { installation, places, signal, target, onProgress } = request;
    const { label, bytes } = this.#backup(await this.#info(installation), target);
    const tablespaces: Record<string, string> = {};
    for (const { name, location } of await this.#tablespaces(installation, label)) {
      tablespaces[name] = places.tablespace(location);
    }
    const { dataDirectory } = places;
    const to = { dataDirectory, tablespaces };
    await runTool(installation, restoreCommand(this.settings, to, label), {
      timeoutMs: COPY_LIMIT_MS,
      signal,
      onStdoutLine: (line) => {
        const ratio = restoreRatio(line);
        if (ratio !== undefined) onProgress(ratio * bytes, bytes);
      },
    });
  }

  override walFetch(dataDirectory?: string): WalProgram {
    return { argv: archiveGetCommand(this.settings, dataDirectory) };
  }

  override walArchive(): WalProgram {
    return { argv: archivePushCommand(this.settings) };
  }

  async #info(installation: Installation): Promise<RepositoryFacts> {
    const facts = readInfo(await this.#ask(installation, infoCommand(this.settings)));
    const { status, backups } = facts;
    if (backups.length > 0) return facts;
    throw new SourceError(`stanza ${this.settings.stanza}: ${status.message}`);
  }

  /** @throws SourceError */
  #backup({ backups }: RepositoryFacts, target: RecoveryTarget | null): Backup {
    const found = backupFor(backups, target);
    if ('label' in found) return found;
    throw new SourceError(`stanza ${this.settings.stanza}: ${found.why}`);
  }

  async #tablespaces(installation: Installation, label: string) {
    const command = (output: 'json' | 'text') => backupInfoCommand(this.settings, label, output);
    try {
      return readTablespaces(await this.#ask(installation, command('json')));
    } catch (error) {
      if (exitCodeIn(error) !== OPTION_INVALID_EXIT_CODE) throw error;
      return readShownTablespaces(await this.#ask(installation, command('text')));
    }
  }

  async #ask(installation: Installation, argv: readonly string[]): Promise<string> {
    try {
      return (await runTool(installation, argv, { timeoutMs: INSPECT_LIMIT_MS })).stdout;
    } catch (cause) {
      throw new SourceError(`pgbackrest does not answer: ${messageOf(cause)}`, { cause });
    }
  }
}

function exitCodeIn(error: unknown): number | null {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof ProcessError ? (cause.failure.exitCode ?? null) : null;
}
