import { DomainError, type Lsn, parseLsn, type TimelineId, timelineId } from '#libs/kernel';
import { parseTimelineHistory, type TimelineHistory } from '#libs/postgres-model';
import type { SqlTarget } from './sql-connection.ts';
import { SqlSession } from './sql-session.ts';

/** What a server says of itself over a replication connection. */
export type SourceIdentity = {
  readonly systemIdentifier: string;
  readonly timeline: TimelineId;
  /** Flushed, or received by a standby. */
  readonly lsn: Lsn;
  readonly history: TimelineHistory;
};

export class SourceIdentityError extends DomainError {
  readonly code = 'SOURCE_IDENTITY_UNREADABLE';
}

/**
 * Asks a primary, or a standby for cascading, who it is and how it got onto its timeline.
 *
 * @throws SourceIdentityError, SqlTimeoutError, or the driver's error
 */
export async function readSourceIdentity(target: SqlTarget): Promise<SourceIdentity> {
  const session = new SqlSession({ ...target, replication: true });
  try {
    const [row] = await session.query('IDENTIFY_SYSTEM');
    const { systemid, timeline: id, xlogpos } = row ?? {};
    if (typeof systemid !== 'string' || typeof xlogpos !== 'string') {
      throw new SourceIdentityError('IDENTIFY_SYSTEM gave no system identifier and position');
    }
    const timeline = timelineId(Number(id));
    return {
      systemIdentifier: systemid,
      timeline,
      lsn: parseLsn(xlogpos),
      history: await readHistory(session, timeline),
    };
  } finally {
    session.close();
  }
}

/**
 * The history file of one timeline as a server has it.
 *
 * @throws SourceIdentityError, SqlTimeoutError, or the driver's error, also when the server has none
 */
export async function readHistoryText(target: SqlTarget, timeline: TimelineId): Promise<string> {
  const session = new SqlSession({ ...target, replication: true });
  try {
    return await askHistory(session, timeline);
  } finally {
    session.close();
  }
}

async function readHistory(session: SqlSession, timeline: TimelineId): Promise<TimelineHistory> {
  if (timeline === 1) return { timeline, ancestors: [] };
  return parseTimelineHistory(timeline, await askHistory(session, timeline));
}

async function askHistory(session: SqlSession, timeline: TimelineId): Promise<string> {
  const [row] = await session.query(`TIMELINE_HISTORY ${timeline}`);
  const content = row?.['content'];
  // Older servers declare the text as bytea.
  const text = Buffer.isBuffer(content) ? content.toString('utf8') : content;
  if (typeof text !== 'string') {
    throw new SourceIdentityError(`TIMELINE_HISTORY ${timeline} gave no text`);
  }
  return text;
}
