import { randomUUID } from 'node:crypto';
import { readdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecoveryTarget } from '#libs/cluster';
import { SizeWatch } from '../../directory-size.ts';
import { type CopyRequest, SourceError, type SourceFacts } from '../../rebuild-tool.ts';
import { endReceivers } from '../../receivers.ts';
import type { BarmanApiSettings, BarmanSettings } from '../../settings.ts';
import { askingNobody } from './barman.command.ts';
import type { BarmanBackup } from './barman.output.ts';
import { BarmanTool } from './barman.tool.ts';
import {
  chooseBackup,
  type DiagnosedServer,
  readDiagnosis,
  tablespaceRefusal,
} from './barman-api.output.ts';
import { ApiSilentError, PgBackupApi } from './pg-backup-api.ts';

const POLL_MS = 500;
/** Restarts of the API and of a proxy before it; the recovery itself goes on. */
const SILENCE_LIMIT_MS = 60_000;

type Recovery = {
  readonly backup: string;
  /** Used once. */
  readonly own: string;
  readonly destination: string;
  readonly home: string | null;
  readonly signal: AbortSignal;
};

/**
 * Has Barman push a backup by its REST API. The API cannot end a recovery, so nothing that it writes late
 * may meet another copy: each recovery writes two levels beneath the place of the copy, in a directory that no
 * other ever has, and rsync makes one level at most: once that is removed, it can write nothing any more.
 */
export class BarmanApiTool extends BarmanTool {
  readonly #api: PgBackupApi;

  constructor(settings: BarmanSettings, api: BarmanApiSettings) {
    super(settings);
    this.#api = new PgBackupApi(api);
  }

  override async inspect(): Promise<SourceFacts> {
    const backup = this.#choose(await this.#diagnosed(), null);
    const { id, major, bytes, wal, systemIdentifier } = backup;
    const refused = tablespaceRefusal(backup);
    return {
      source: `backup ${id} of server ${this.settings.server} by ${this.#api.settings.url}`,
      systemIdentifier,
      major,
      bytes,
      wal,
      bytesPerSecond: null,
      objections: refused === null ? [] : [refused],
    };
  }

  override async copy(request: CopyRequest): Promise<void> {
    const { places, target, signal, onProgress } = request;
    const server = await this.#diagnosed();
    const backup = this.#choose(server, target);
    const refused = tablespaceRefusal(backup);
    if (refused !== null) throw new SourceError(refused);
    signal.throwIfAborted();
    const own = join(places.dataDirectory, `barman-${randomUUID()}`);
    const destination = join(own, 'data');
    const total = backup.bytes ?? request.expectedBytes;
    const watch = new SizeWatch(places.directories, (bytes) => {
      // Barman archives what it has received before it copies: there may be more WAL than it had told of.
      onProgress(bytes, total !== null && bytes > total ? null : total);
    });
    try {
      await this.#recover({ backup: backup.id, own, destination, home: server.home, signal });
    } finally {
      watch.stop();
    }
    for (const name of readdirSync(destination)) {
      renameSync(join(destination, name), join(places.dataDirectory, name));
    }
    rmdirSync(destination);
    rmdirSync(own);
  }

  async #recover(recovery: Recovery): Promise<void> {
    const { backup, own, destination, home, signal } = recovery;
    const { server, remoteSshCommand } = this.settings;
    try {
      const id = await this.#api.startRecovery(server, {
        backup_id: backup,
        remote_ssh_command: askingNobody(remoteSshCommand ?? ''),
        destination_directory: destination,
      });
      const status = await this.#ended(id, recovery);
      signal.throwIfAborted();
      if (status === 'DONE') return;
      const output = join(home ?? '<barman_home>', server, 'output', `${id}.json`);
      throw new SourceError(
        `recovery ${id} of backup ${backup} failed on the Barman host; pg-backup-api does not pass on what ` +
          `barman recover said: it is in ${output} there`,
      );
    } catch (error) {
      // It may have been started although its answer did not come.
      await endReceivers(own);
      throw error;
    }
  }

  /** Returns only once Barman has ended, or is not to be asked any more. */
  async #ended(id: string, { backup, own, signal }: Recovery): Promise<'DONE' | 'FAILED'> {
    let heardAtMs = performance.now();
    for (;;) {
      if (signal.aborted) await endReceivers(own);
      try {
        const status = await this.#api.operationStatus(this.settings.server, id);
        if (status !== 'IN_PROGRESS') return status;
        heardAtMs = performance.now();
      } catch (cause) {
        if (!(cause instanceof ApiSilentError)) throw cause;
        if (performance.now() - heardAtMs > SILENCE_LIMIT_MS) {
          const seconds = SILENCE_LIMIT_MS / 1_000;
          const why = `recovery ${id} of backup ${backup} is not waited for any more after ${seconds} s`;
          throw new SourceError(`${why}: ${cause.message}`, { cause });
        }
      }
      await paused(signal);
    }
  }

  async #diagnosed(): Promise<DiagnosedServer> {
    await this.#api.ensureUp();
    return this.#value(readDiagnosis(await this.#api.diagnosis(), this.settings.server));
  }

  #choose(server: DiagnosedServer, target: RecoveryTarget | null): BarmanBackup {
    return this.#value(chooseBackup(server, this.settings.backup, target));
  }

  #value<Value>(found: { kind: 'found'; value: Value } | { kind: 'none'; why: string }): Value {
    if (found.kind === 'found') return found.value;
    throw new SourceError(`pg-backup-api at ${this.#api.settings.url}: ${found.why}`);
  }
}

/** Shorter when it is cancelled meanwhile. */
async function paused(signal: AbortSignal): Promise<void> {
  if (signal.aborted) {
    await delay(POLL_MS);
    return;
  }
  try {
    await delay(POLL_MS, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
