import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import {
  archiveScript,
  leaseFileText,
  restoreScript,
  type WalProgram,
  walSetting,
} from '#libs/backup';
import type { ClusterState } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Settings } from '#libs/postgres-model';
import { DETACHED_MARK } from '#libs/postgres-run';
import { writeFileIfChanged } from '#libs/process';
import { walArchiveOf, walFetchOf, walScriptPaths } from '../rebuild/tools-here.ts';
import { Repeats } from '../repeats.ts';

/** A segment takes seconds even from another continent. */
const RESTORE_LIMIT_SECONDS = 60;
const EXECUTABLE = 0o700;

/**
 * The settings that name our scripts, which are written first. A program that cannot be used now (its
 * environment file is gone) leaves the script as it was: an archive that worked goes on working.
 */
export function walSettings(state: ClusterState, config: AgentConfig, follows: boolean): Settings {
  const paths = walScriptPaths(config, state.postgres.archive?.tool);
  const fetch = usable(
    paths.restore,
    () => walFetchOf(state, config),
    (program) =>
      restoreScript(program, { detachedMark: DETACHED_MARK, limitSeconds: RESTORE_LIMIT_SECONDS }),
  );
  const archive = usable(
    paths.archive,
    () => walArchiveOf(state, config),
    (program) => archiveScript(program, { leaseFile: paths.lease }),
  );
  const wanted = state.postgres.archive !== undefined;
  return {
    restore_command: follows && fetch ? walSetting(paths.restore, 'restore') : '',
    ...(wanted ? { archive_mode: 'on' } : {}),
    archive_command: archive ? walSetting(paths.archive, 'archive') : '',
  };
}

function usable(
  path: string,
  find: () => WalProgram | null,
  render: (program: WalProgram) => string,
): boolean {
  try {
    const program = find();
    if (program === null) return false;
    writeFileIfChanged(path, render(program), EXECUTABLE);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'BACKUP_SOURCE') throw error;
    process.stderr.write(`matriarch agent: ${messageOf(error)}\n`);
    return existsSync(path);
  }
}

const TELL_INTERVAL_MS = 250;

/** Tells the archive script until when the lease lasts; without news from us it refuses by itself. */
export class WalLease {
  #timer: NodeJS.Timeout | undefined;
  readonly #repeats = new Repeats();

  constructor(
    readonly config: AgentConfig,
    readonly archives: () => boolean,
    readonly remainingMs: () => number | null,
    readonly log: Pick<Logger, 'warn'>,
  ) {}

  /** With each look: a cluster without an archive needs no timer. */
  look(): void {
    if (!this.archives()) this.stop();
    else this.#timer ??= setInterval(() => this.#tell(), TELL_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tell(): void {
    const uptimeSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const text = leaseFileText(uptimeSeconds, this.remainingMs());
    const { lease } = walScriptPaths(this.config);
    try {
      // Renamed, so that no reader sees half of it; not synced: after a crash there is no lease.
      writeFileSync(`${lease}.new`, text);
      renameSync(`${lease}.new`, lease);
    } catch (error) {
      // A full or read-only disk. The script refuses by itself; an agent that ended could give no lease back.
      const why = messageOf(error);
      if (this.#repeats.isNews(why))
        this.log.warn('archiving stops: its lease is not told', { why });
    }
  }
}
