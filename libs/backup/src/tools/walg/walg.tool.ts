import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RecoveryTarget } from '#libs/cluster';
import { messageOf, type TimelineId } from '#libs/kernel';
import { type Installation, runTool } from '#libs/postgres-run';
import { ProcessError } from '#libs/process';
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
import type { WalgSettings } from '../../settings.ts';
import {
  fetchCommand,
  listCommand,
  restoreSpec,
  showCommand,
  walFetchCommand,
  walgEnvironment,
  walPushCommand,
} from './walg.command.ts';
import {
  readBackups,
  readEnvironmentFile,
  readTimelines,
  type ShownTimeline,
  type WalgBackup,
} from './walg.output.ts';
import { archivedHistory, reachFrom } from './walg-reach.ts';

/** Restores a backup of WAL-G from wherever its environment file says. */
export class WalgTool extends RebuildTool {
  readonly name = 'walg';
  readonly capabilities = {
    inPlace: false,
    fromServer: false,
    limitsBandwidth: true,
    archivesWal: true,
    restoresToTarget: true,
  };

  constructor(readonly settings: WalgSettings) {
    super();
  }

  async inspect({ installation, expected }: SourceRequest): Promise<SourceFacts> {
    const backup = await this.#backup(installation, null);
    const { name, systemIdentifier, major, bytes } = backup;
    const reach = await this.#reach(installation, backup, expected.timeline);
    return {
      source: `backup ${name}`,
      systemIdentifier,
      major,
      bytes,
      ...reach,
      bytesPerSecond: null,
      objections: [],
    };
  }

  async copy(request: CopyRequest): Promise<void> {
    const { installation, places, signal, target, onProgress } = request;
    const backup = await this.#backup(installation, target);
    const moved = backup.tablespaces.map(({ oid, location }) => ({
      oid,
      location: places.tablespace(location),
    }));
    const { dataDirectory } = places;
    const specFile = moved.length === 0 ? null : `${dataDirectory}.spec`;
    if (specFile !== null) writeFileSync(specFile, restoreSpec(dataDirectory, moved));
    const total = backup.bytes ?? request.expectedBytes;
    const watch = new SizeWatch(places.directories, (bytes) => onProgress(bytes, total));
    try {
      const argv = fetchCommand(this.settings, dataDirectory, backup.name, specFile);
      const environment = this.#environment(request.bandwidthBytesPerSecond);
      await runTool(installation, argv, { timeoutMs: COPY_LIMIT_MS, signal, environment });
    } finally {
      watch.stop();
      if (specFile !== null) rmSync(specFile, { force: true });
    }
  }

  override walFetch(): WalProgram {
    const environment = this.#environment(null);
    return { argv: walFetchCommand(this.settings), environment, missingExitCodes: [74] };
  }

  override walArchive(): WalProgram {
    return { argv: walPushCommand(this.settings), environment: this.#environment(null) };
  }

  /** Before there is a cluster nobody knows how far recovery is to go, nor on which timeline. */
  async #reach(installation: Installation, { wal }: WalgBackup, present: TimelineId | null) {
    if (wal === null || present === null || wal.timeline > present) return { wal };
    const program = this.walFetch();
    try {
      return await reachFrom(wal, present, {
        historyOf: (timeline) => archivedHistory(timeline, installation, program),
        timelines: () => this.#timelines(installation),
      });
    } catch (cause) {
      throw new SourceError(`wal-g does not answer: ${messageOf(cause)}`, { cause });
    }
  }

  /** A WAL-G of before 1.0 has no such command; the storage itself has just answered. */
  async #timelines(installation: Installation): Promise<readonly ShownTimeline[] | null> {
    const environment = this.#environment(null);
    const limits = { timeoutMs: INSPECT_LIMIT_MS, environment };
    try {
      const { stdout } = await runTool(installation, showCommand(this.settings), limits);
      return readTimelines(stdout);
    } catch (error) {
      if (error instanceof ProcessError || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  /** The newest; with a target by time or LSN the newest that ended before it. */
  async #backup(installation: Installation, target: RecoveryTarget | null): Promise<WalgBackup> {
    const { backup } = this.settings;
    const found = await this.#list(installation);
    const chosen =
      backup === 'LATEST'
        ? found.findLast((one) => endedBefore(one, target))
        : found.find(({ name }) => name === backup);
    if (chosen !== undefined) return chosen;
    throw new SourceError(
      `wal-g has no backup ${backup}${target === null ? '' : ' before the target'}`,
    );
  }

  async #list(installation: Installation): Promise<readonly WalgBackup[]> {
    try {
      const environment = this.#environment(null);
      const limits = { timeoutMs: INSPECT_LIMIT_MS, environment };
      const { stdout } = await runTool(installation, listCommand(this.settings), limits);
      return readBackups(stdout.trim() === '' ? '[]' : stdout);
    } catch (cause) {
      throw new SourceError(`wal-g does not answer: ${messageOf(cause)}`, { cause });
    }
  }

  /** Read each time: keys are changed without telling us. @throws SourceError */
  #environment(bandwidthBytesPerSecond: number | null): Readonly<Record<string, string>> {
    const { environmentFile } = this.settings;
    try {
      const file = readEnvironmentFile(readFileSync(environmentFile, 'utf8'));
      return walgEnvironment(file, bandwidthBytesPerSecond);
    } catch (cause) {
      throw new SourceError(`${environmentFile} is not readable: ${messageOf(cause)}`, { cause });
    }
  }
}
