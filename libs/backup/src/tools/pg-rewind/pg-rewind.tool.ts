import { messageOf, type TimelineId } from '#libs/kernel';
import { canBeRewound, wasShutDownCleanly } from '#libs/postgres-model';
import {
  checkpointedTimeline,
  readControlData,
  rewind,
  rewindSize,
  SqlSession,
} from '#libs/postgres-run';
import {
  type CopyRequest,
  RebuildTool,
  type ServerAccess,
  SourceError,
  type SourceFacts,
  type SourceRequest,
} from '../../rebuild-tool.ts';
import { askServer } from '../basebackup/basebackup.tool.ts';
import { lostAndFoundOf } from '../basebackup/lost-and-found.ts';

const REWIND_LIMIT_MS = 24 * 3_600_000;
/** Of WAL since the histories parted, and a list of the source's files. */
const DRY_RUN_LIMIT_MS = 30_000;

/** Takes a diverged instance back to where it left the primary's history: in place, and quickly. */
export class PgRewindTool extends RebuildTool {
  readonly name = 'pg_rewind';
  readonly capabilities = {
    inPlace: true,
    fromServer: true,
    limitsBandwidth: false,
    archivesWal: false,
    restoresToTarget: false,
  };

  /** @param fetchesWal whether WAL that is gone here can be fetched with `restore_command` */
  constructor(readonly fetchesWal: boolean) {
    super();
  }

  async inspect(request: SourceRequest): Promise<SourceFacts> {
    const { installation, dataDirectory, server, expected } = request;
    const { systemIdentifier, major } = await askServer(server);
    const control = await readControlData(installation, dataDirectory);
    const lostAndFound = server === null ? null : await lostAndFoundOf(server);
    // A standby may have replayed onto a timeline that none of its restart points has named yet.
    const reached = Math.max(control.checkpointTimeline, control.minRecoveryTimeline);
    const same = reached === expected.timeline;
    const objections = [
      ...(lostAndFound === null ? [] : [lostAndFound]),
      ...(canBeRewound(control) ? [] : ['neither data checksums nor wal_log_hints were on here']),
      ...(same
        ? [`it is on timeline ${expected.timeline} like its cluster: nothing to rewind`]
        : []),
    ];
    // What crashed, or runs, shows it only once it was shut down in order.
    const shows = objections.length === 0 && wasShutDownCleanly(control);
    const size = shows ? await this.#sizeOf(request) : { bytes: null, objections: [] };
    return {
      source: `server ${server?.name}`,
      systemIdentifier,
      major,
      bytes: size.bytes,
      wal: null,
      bytesPerSecond: null,
      objections: [...objections, ...size.objections],
    };
  }

  async #sizeOf({
    installation,
    dataDirectory,
    server,
  }: SourceRequest): Promise<Pick<SourceFacts, 'bytes' | 'objections'>> {
    if (server === null) return { bytes: null, objections: [] };
    const request = { dataDirectory, source: server.rewind, timeoutMs: DRY_RUN_LIMIT_MS };
    try {
      return { bytes: await rewindSize(installation, request), objections: [] };
    } catch (error) {
      // It may be WAL that the rewind itself would fetch.
      return { bytes: null, objections: this.fetchesWal ? [] : [messageOf(error)] };
    }
  }

  /** "Nothing to do" of an instance that is to be rebuilt is a failure (safety 17). */
  async copy(request: CopyRequest): Promise<void> {
    const { installation, dataDirectory, server, expected, signal, onProgress } = request;
    if (server === null) throw new SourceError('there is no server to rewind from');
    await this.#showsItsTimeline(request);
    const outcome = await rewind(installation, {
      dataDirectory,
      source: server.rewind,
      restoreTargetWal: this.fetchesWal,
      timeoutMs: REWIND_LIMIT_MS,
      signal,
      onProgress: ({ doneBytes, totalBytes }) => onProgress(doneBytes, totalBytes),
    });
    if (outcome.kind === 'rewound') return;
    throw new SourceError(
      `pg_rewind sees nothing to rewind on timeline ${expected.timeline}: the instance needs a copy`,
    );
  }

  /** Until its checkpoint the control file of a new primary names the old timeline (safety 17). */
  async #showsItsTimeline({ server, expected }: CopyRequest): Promise<void> {
    if (server === null || expected.timeline === null) return;
    const shown = await shownTimeline(server);
    if (shown >= expected.timeline) return;
    throw new SourceError(`${server.name} still shows timeline ${shown} in its control file`);
  }
}

/** @throws SourceError */
async function shownTimeline({ sql, name }: ServerAccess): Promise<TimelineId> {
  const session = new SqlSession(sql);
  try {
    return await checkpointedTimeline(session);
  } catch (cause) {
    throw new SourceError(`${name} does not answer: ${messageOf(cause)}`, { cause });
  } finally {
    session.close();
  }
}
