import type { AgentReport, Goal } from '#libs/cluster';

/** What the leader may wait for, as a text: while it stays the same, a report can wait for its turn. */
function newsIn(report: AgentReport, goal: Goal | null): string {
  const { postgres, guard, detached, dataDirectory, problem, actedVersion, rebuild } = report;
  const synchronous = 'synchronous' in postgres ? postgres.synchronous : undefined;
  const role = postgres.kind === 'primary' ? `${postgres.timeline} ${postgres.readOnly}` : '';
  // A switchover waits for these bytes; otherwise a position is no news.
  const awaited = goal?.kind === 'standby' && goal.hurry && postgres.kind === 'standby';
  const received = awaited ? postgres.receivedLsn : null;
  return [
    ...[postgres.kind, role, received, guard?.incarnation, guard?.epoch, detached?.throughEpoch],
    ...[dataDirectory.kind, problem, actedVersion, rebuild?.phase, rebuild?.wants],
    ...[synchronous?.order, synchronous?.proved, synchronous?.flushedTo],
    report.promise?.epoch,
    report.promotionRefused,
  ].join(' ');
}

/** Tells whether a report says something that the one before did not. */
export class NewsWatch {
  #last = '';

  isNew(report: AgentReport | null, goal: Goal | null): boolean {
    if (report === null) return false;
    const news = newsIn(report, goal);
    const changed = news !== this.#last;
    this.#last = news;
    return changed;
  }
}
