import * as z from 'zod';
import type { DivergedWal, Outage } from '#libs/cluster';
import { bytesText } from '#libs/kernel';
import { divergedText, totalMs } from './outage-text.ts';

const outageView = z.object({
  /** Counts the outages of the cluster, from 1. */
  number: z.int(),
  kind: z.enum(['failover', 'switchover']),
  outcome: z.enum(['running', 'completed', 'given-up']),
  /** Null for a switchover. */
  trigger: z
    .enum([
      'primary-unreachable',
      'lease-expired',
      'lease-released',
      'postgres-down',
      'promotion-failed',
      'agent-absent',
      'primary-hung',
      'operator',
    ])
    .nullable(),
  by: z.string(),
  from: z.string(),
  to: z.string().nullable(),
  epoch: z.int(),
  /** Of its first event. */
  sequence: z.int(),
  /** Milliseconds since 1970, in log time. */
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  reason: z.string().nullable(),
  attempts: z.int(),
  /** detect, decide, detach, choose, grant, promote of a failover; stop, catchUp, promote of a switchover. */
  phasesMs: z.record(z.string(), z.number()),
  /** Sum of the phases. */
  totalMs: z.number(),
  /** From its end until every standby streamed again; null until then. */
  followMs: z.number().nullable(),
  /** Against the last known position of the old primary. Decimal text; null when it cannot be told. */
  lostBytes: z.string().nullable(),
  lostText: z.string().nullable(),
  /**
   * Commits waited for standbys and the new primary had all of these: what is counted as lost is WAL that
   * was never acknowledged. False in asynchronous mode, and where a loss was accepted.
   */
  keptAcknowledged: z.boolean().default(false),
  /** What the old primary had written alone, once it was back; null when nothing was found. */
  divergedWal: z
    .object({
      path: z.string(),
      committed: z.int(),
      aborted: z.int(),
      keptBytes: z.number(),
      truncated: z.boolean(),
      firstCommit: z.string().nullable(),
      lastCommit: z.string().nullable(),
      relations: z.array(z.object({ name: z.string(), records: z.int() })),
      text: z.string(),
    })
    .nullable()
    .default(null),
});
export type OutageView = z.output<typeof outageView>;

/** The newest first. */
export const failoversAnswer = z.object({ cluster: z.string(), failovers: z.array(outageView) });
export type FailoversAnswer = z.output<typeof failoversAnswer>;

export function outageViewOf(outage: Outage, keptAcknowledged = false): OutageView {
  const { lostBytes, phasesMs } = outage;
  return {
    ...outage,
    phasesMs: { ...phasesMs },
    totalMs: Math.round(totalMs(phasesMs)),
    lostBytes: lostBytes?.toString() ?? null,
    lostText: lostTextOf(outage),
    keptAcknowledged,
    divergedWal: divergedViewOf(outage.divergedWal),
  };
}

/** What was known at the promotion; once the old primary is back, what it had really written alone. */
function lostTextOf({ lostBytes, divergedWal: wal }: Outage): string | null {
  if (wal !== undefined && wal.committed > 0) return bytesText(wal.to.lsn - wal.from.lsn);
  return lostBytes === null ? null : bytesText(lostBytes);
}

function divergedViewOf(wal: DivergedWal | undefined): OutageView['divergedWal'] {
  if (wal === undefined) return null;
  const { path, committed, aborted, keptBytes, truncated, firstCommit, lastCommit } = wal;
  const relations = wal.relations.map((relation) => ({ ...relation }));
  const counts = { committed, aborted, keptBytes, truncated, firstCommit, lastCommit };
  return { path, ...counts, relations, text: divergedText(wal) };
}
