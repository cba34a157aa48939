import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DataDirectory, WalPosition } from '#libs/cluster';
import { codeOf, type Lsn, messageOf, type TimelineId, timelineId } from '#libs/kernel';
import {
  type ControlData,
  controlledLsn,
  walSegmentName,
  wasShutDownCleanly,
} from '#libs/postgres-model';
import {
  contentsOf,
  dataDirectoryMajor,
  type Installation,
  readControlData,
  readTimelineHistory,
  walEnd,
} from '#libs/postgres-run';
import { shutdownPositionOf, unfinishedWork } from '#libs/process';
import { WAL_END_MS } from '../timing.ts';
import { whyMountFailed } from './failed-mount.ts';

type Initialised = Extract<DataDirectory, { kind: 'initialised' }>;
export type Ancestors = Initialised['ancestors'];

/** What lies in the data directory of a stopped instance; the end of WAL is not read. */
export async function examineDirectory(
  installation: Installation,
  dataDirectory: string,
): Promise<DataDirectory> {
  try {
    const closed = closedDirectory(dataDirectory);
    if (closed !== null) return closed;
    const work = unfinishedWork(dataDirectory);
    if (work !== undefined) return { kind: 'unfinished', work };
    // A copy that was just being made in a mount point is nothing of an instance.
    const names = contentsOf(dataDirectory);
    if (names.length === 0) return { kind: 'empty' };
    const major = dataDirectoryMajor(dataDirectory);
    if (major === undefined) return unusable(dataDirectory, whyNotEmpty(names));
    if (major !== installation.version.major) {
      const here = `PostgreSQL ${installation.version.major} in ${installation.binDirectory}`;
      return unusable(dataDirectory, `it belongs to PostgreSQL ${major}, this host runs ${here}`);
    }
    return describe(dataDirectory, await readControlData(installation, dataDirectory));
  } catch (error) {
    return unusable(dataDirectory, messageOf(error));
  }
}

/** The end of the last valid record on disk (safety 7). Nothing may be writing there. */
export async function readWalEnd(
  installation: Installation,
  dataDirectory: string,
): Promise<WalPosition> {
  const control = await readControlData(installation, dataDirectory);
  if (control.state === 'shut down') return shutdownPositionOf(dataDirectory, control);
  const { timeline, lsn } = await walEnd(installation, {
    dataDirectory,
    walSegmentBytes: control.walSegmentBytes,
    replayedLsn: controlledLsn(control),
    timeline: ownTimeline(control),
    timeoutMs: WAL_END_MS,
  });
  return { timeline, lsn };
}

/**
 * A standby that was killed soon after it had followed a promotion has WAL of the new timeline, and a
 * control file that does not know of it: it is on the timeline that its WAL ends on, as recovery will be.
 */
export function withWalEnd(
  dataDirectory: string,
  directory: Initialised,
  walEnd: WalPosition,
): Initialised {
  if (walEnd.timeline <= directory.timeline) return { ...directory, walEnd };
  const ancestors = readAncestors(dataDirectory, walEnd.timeline);
  if (ancestors === null) return { ...directory, walEnd };
  return { ...directory, timeline: walEnd.timeline, ancestors, walEnd };
}

/** (timeline, where it forked off) of all ancestors; null when the history file is missing. */
export function readAncestors(dataDirectory: string, timeline: TimelineId): Ancestors | null {
  const history = readTimelineHistory(dataDirectory, timeline);
  if (history === undefined) return null;
  return history.ancestors.map(({ timeline: id, endLsn }): Ancestors[number] => ({
    timeline: id,
    forkLsn: endLsn as Lsn,
  }));
}

function describe(dataDirectory: string, control: ControlData): DataDirectory {
  const timeline = ownTimeline(control);
  const ancestors = readAncestors(dataDirectory, timeline);
  const unstartable = whyUnstartable(dataDirectory, control);
  if (ancestors === null) {
    return unusable(dataDirectory, `pg_wal lacks the history file of timeline ${timeline}`);
  }
  return {
    kind: 'initialised',
    systemIdentifier: control.systemIdentifier,
    walEnd: null,
    timeline,
    ancestors,
    cleanShutdown: wasShutDownCleanly(control),
    ...(unstartable === undefined ? {} : { unstartable }),
  };
}

/** What its own crash recovery has to read comes from `pg_wal` alone; anything else can be streamed. */
const RECOVERS_ALONE: readonly ControlData['state'][] = [
  'in production',
  'in crash recovery',
  'shutting down',
];

/** Of the name of a WAL segment. */
const TIMELINE_DIGITS = 8;

function whyUnstartable(dataDirectory: string, control: ControlData): string | undefined {
  const { state, checkpointTimeline, redoLsn, checkpointLsn, walSegmentBytes } = control;
  const ofCopy = existsSync(join(dataDirectory, 'backup_label'));
  if (ofCopy || !RECOVERS_ALONE.includes(state)) return undefined;
  // Of whatever timeline: a promotion puts the segment that it happens in under the new one's name.
  const present = new Set(
    readdirSync(join(dataDirectory, 'pg_wal')).map((name) => name.slice(TIMELINE_DIGITS)),
  );
  const missing = [redoLsn, checkpointLsn]
    .map((lsn) => walSegmentName(checkpointTimeline, lsn, walSegmentBytes))
    .find((name) => !present.has(name.slice(TIMELINE_DIGITS)));
  if (missing === undefined) return undefined;
  return `pg_wal lacks ${missing}, from which its crash recovery begins`;
}

/**
 * Until the first checkpoint after a promotion the checkpoint is of the old timeline, and only the
 * end of recovery names the new one.
 */
function ownTimeline(control: ControlData): TimelineId {
  return timelineId(Math.max(control.checkpointTimeline, control.minRecoveryTimeline));
}

/** One that PostgreSQL cannot start from, nor go on in for long; null: it is open, or not there. */
export function closedDirectory(dataDirectory: string): DataDirectory | null {
  const why = whyClosed(dataDirectory);
  return why === null ? null : unusable(dataDirectory, why);
}

/** What would end each start, and what is said there would not tell whose doing it is. */
function whyClosed(dataDirectory: string): string | null {
  try {
    const found = statSync(dataDirectory, { throwIfNoEntry: false });
    if (found === undefined) return null;
    const uid = process.geteuid?.() ?? ROOT;
    if (uid !== ROOT && found.uid !== uid) {
      return `it belongs to uid ${found.uid}, PostgreSQL runs here as uid ${uid}: give it back (chown)`;
    }
    accessSync(dataDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
    return whyMountFailed(found.dev);
  } catch (error) {
    if (codeOf(error) !== 'EROFS') return messageOf(error);
    return 'its file system is mounted read-only, as the kernel does when a disk fails: see dmesg, mount it again';
  }
}

const ROOT = 0;

function whyNotEmpty(names: readonly string[]): string {
  return `it holds '${names[0]}' but no PG_VERSION: empty it, or name another directory`;
}

function unusable(dataDirectory: string, why: string): DataDirectory {
  return { kind: 'unusable', why: `data directory ${dataDirectory}: ${why}` };
}
