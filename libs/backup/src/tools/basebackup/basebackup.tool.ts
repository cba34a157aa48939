import { runTool, SqlSession } from '#libs/postgres-run';
import { COPY_LIMIT_MS } from '../../limits.ts';
import {
  type CopyRequest,
  RebuildTool,
  type ServerAccess,
  SourceError,
  type SourceFacts,
  type SourceRequest,
} from '../../rebuild-tool.ts';
import { refusalOf } from '../../refusal.ts';
import { basebackupCommand, SERVER_SQL } from './basebackup.command.ts';
import { basebackupProgress, type ServerFacts, serverFacts } from './basebackup.output.ts';
import { lostAndFoundOf } from './lost-and-found.ts';

/** Copies a running server over the replication protocol. */
export class BasebackupTool extends RebuildTool {
  readonly name = 'basebackup';
  readonly capabilities = {
    inPlace: false,
    fromServer: true,
    limitsBandwidth: true,
    archivesWal: false,
    restoresToTarget: false,
  };

  async inspect({ server }: SourceRequest): Promise<SourceFacts> {
    const { systemIdentifier, major, bytes } = await askServer(server);
    const lostAndFound = server === null ? null : await lostAndFoundOf(server);
    return {
      source: `server ${server?.name}`,
      systemIdentifier,
      major,
      bytes,
      wal: null,
      bytesPerSecond: null,
      objections: lostAndFound === null ? [] : [lostAndFound],
    };
  }

  async copy(request: CopyRequest): Promise<void> {
    const { installation, places, server, signal, onProgress } = request;
    const { tablespaceLocations } = await askServer(server);
    if (server === null) return;
    const mapped = tablespaceLocations.map((from) => [from, places.tablespace(from)] as const);
    const argv = basebackupCommand(
      {
        binDirectory: installation.binDirectory,
        source: server.replication,
        targetDirectory: places.dataDirectory,
        tablespaceMapping: Object.fromEntries(mapped),
        ...(server.slotName === null ? {} : { slotName: server.slotName }),
        ...(places.walDirectory === null ? {} : { walDirectory: places.walDirectory }),
      },
      request.bandwidthBytesPerSecond,
    );
    await runTool(installation, argv, {
      timeoutMs: COPY_LIMIT_MS,
      signal,
      onStderrLine: (line) => {
        const progress = basebackupProgress(line);
        if (progress !== undefined) onProgress(progress.doneBytes, progress.totalBytes);
      },
    });
  }
}

/** @throws SourceError */
export async function askServer(server: ServerAccess | null): Promise<ServerFacts> {
  if (server === null) throw new SourceError('there is no server to copy from');
  const session = new SqlSession(server.sql);
  try {
    const [row] = await session.query(SERVER_SQL);
    return serverFacts(row ?? {});
  } catch (cause) {
    throw new SourceError(refusalOf(server.name, server.sql.user, cause), { cause });
  } finally {
    await session.close();
  }
}
