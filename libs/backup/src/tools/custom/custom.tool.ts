import { messageOf } from '#libs/kernel';
import { formatConninfo } from '#libs/postgres-model';
import { runTool } from '#libs/postgres-run';
import { COPY_LIMIT_MS, INSPECT_LIMIT_MS } from '../../limits.ts';
import {
  type CopyRequest,
  RebuildTool,
  SourceError,
  type SourceFacts,
  type SourceRequest,
  type WalProgram,
} from '../../rebuild-tool.ts';
import type { CustomSettings } from '../../settings.ts';
import { customEnvironment } from './custom.command.ts';
import { customCheck, customProgress } from './custom.output.ts';

/** An operator's own program that fills a directory. */
export class CustomTool extends RebuildTool {
  readonly name = 'custom';
  readonly capabilities = {
    inPlace: false,
    fromServer: false,
    limitsBandwidth: true,
    archivesWal: true,
    restoresToTarget: true,
  };

  constructor(readonly settings: CustomSettings) {
    super();
  }

  async inspect(request: SourceRequest): Promise<SourceFacts> {
    const { restore, check } = this.settings;
    if (restore === null) throw new SourceError('backup.custom.restore names no program');
    const nothing = { systemIdentifier: null, major: null, wal: null, bytesPerSecond: null };
    const source = restore[0] ?? '';
    if (check === null) return { source, bytes: null, ...nothing, objections: [] };
    try {
      const environment = this.#environment(request, request.dataDirectory, null);
      const limits = { timeoutMs: INSPECT_LIMIT_MS, environment };
      const { stdout } = await runTool(request.installation, check, limits);
      return { source, ...customCheck(stdout), ...nothing, objections: [] };
    } catch (cause) {
      throw new SourceError(`the check says no: ${messageOf(cause)}`, { cause });
    }
  }

  async copy(request: CopyRequest): Promise<void> {
    const { installation, places, signal, onProgress } = request;
    const { restore } = this.settings;
    if (restore === null) throw new SourceError('backup.custom.restore names no program');
    await runTool(installation, restore, {
      timeoutMs: COPY_LIMIT_MS,
      signal,
      environment: this.#environment(request, places.dataDirectory, request),
      onStdoutLine: (line) => {
        const progress = customProgress(line);
        if (progress !== undefined) onProgress(progress.doneBytes, progress.totalBytes);
      },
    });
  }

  override walFetch(): WalProgram | null {
    const { fetchWal } = this.settings;
    return fetchWal === null ? null : { argv: fetchWal };
  }

  override walArchive(): WalProgram | null {
    const { archiveWal } = this.settings;
    return archiveWal === null ? null : { argv: archiveWal };
  }

  #environment(request: SourceRequest, dataDirectory: string, copy: CopyRequest | null) {
    const { expected, server } = request;
    return customEnvironment({
      dataDirectory,
      walDirectory: copy?.places.walDirectory ?? null,
      source: server === null ? '' : formatConninfo(server.replication),
      systemIdentifier: expected.systemIdentifier ?? '',
      timeline: expected.timeline?.toString() ?? '',
      bandwidthBytesPerSecond: copy?.bandwidthBytesPerSecond ?? null,
      target: copy?.target ?? null,
    });
  }
}
