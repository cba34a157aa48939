import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Lsn, TimelineId } from '#libs/kernel';
import {
  WalSummariser,
  type WalSummary,
  waldumpArgv,
  walSegmentName,
  walSegmentStart,
} from '#libs/postgres-model';
import type { Installation } from './installation.ts';
import { runTool } from './run-tool.ts';

export type KeepWalRequest = {
  readonly dataDirectory: string;
  /** Made when it is missing. */
  readonly into: string;
  readonly walSegmentBytes: number;
  readonly range: { readonly timeline: TimelineId; readonly from: Lsn; readonly to: Lsn };
  /** Segments beyond this are left out; the summary still covers them. */
  readonly limitBytes: number;
  readonly timeoutMs: number;
};

export type KeptWal = {
  /** Of the segments that were copied. */
  readonly keptBytes: number;
  readonly truncated: boolean;
  readonly summary: WalSummary;
};

/**
 * Copies a stretch of WAL out of a data directory that is about to lose it, and sums up what it did.
 * Nothing may be writing there.
 *
 * @throws ProcessError when pg_waldump cannot run; what was copied stays
 */
export async function keepWal(
  installation: Installation,
  request: KeepWalRequest,
): Promise<KeptWal> {
  const { dataDirectory, into, range, walSegmentBytes, limitBytes, timeoutMs } = request;
  mkdirSync(into, { recursive: true, mode: 0o700 });
  const walDirectory = join(dataDirectory, 'pg_wal');
  let keptBytes = 0;
  let truncated = false;
  for (const name of segmentsOf(range, walSegmentBytes)) {
    const path = join(walDirectory, name);
    if (!existsSync(path)) continue;
    const { size } = statSync(path);
    if (keptBytes + size > limitBytes) {
      truncated = true;
      break;
    }
    copyFileSync(path, join(into, name));
    keptBytes += size;
  }
  const summariser = new WalSummariser();
  const { timeline, from: startLsn, to: endLsn } = range;
  const { binDirectory } = installation;
  await runTool(
    installation,
    waldumpArgv({ binDirectory, walDirectory, walSegmentBytes, timeline, startLsn, endLsn }),
    {
      timeoutMs,
      // The end of WAL reads as an error.
      acceptExitCodes: [0, 1],
      outputLimitChars: 4_096,
      onStdoutLine: (line) => summariser.take(line),
    },
  );
  return { keptBytes, truncated, summary: summariser.summary };
}

function* segmentsOf({ timeline, from, to }: KeepWalRequest['range'], bytes: number) {
  for (let lsn: bigint = walSegmentStart(from, bytes); lsn < to; lsn += BigInt(bytes)) {
    yield walSegmentName(timeline, lsn as Lsn, bytes);
  }
}
