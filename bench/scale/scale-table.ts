import { machineText } from '../shared/machine.ts';

/** The one line of JSON of the bench. */
export type ScaleReport = {
  readonly guards: number;
  readonly minutes: number;
  readonly renewP99Ms: number;
  /** Guards that would have stopped their PostgreSQL, or were refused. */
  readonly falseExpiries: number;
  readonly leaderKills: number;
  /** Committed while nothing happened. */
  readonly logEntries: number;
  /** Of one core; the busiest controller. */
  readonly cpuPercent: number;
  /** The largest controller. */
  readonly rssMb: number;
  readonly renewP50Ms: number;
  readonly renewals: number;
  readonly linksLost: number;
  readonly load: number;
};

export function scaleTable(report: ScaleReport): string {
  const { guards, minutes, renewP50Ms, renewP99Ms, falseExpiries, renewals } = report;
  const { logEntries, cpuPercent, rssMb, load } = report;
  return [
    '## Many clusters on one set of controllers (`npm run bench:scale`)',
    '',
    `${new Date().toISOString().slice(0, 10)}, ${machineText()}, load average ${load}. ${guards.toLocaleString('en-US')} guards, each with its own TLS`,
    'connection to each of three controllers, all on this machine; they renew every 400 ms, or as seldom as the leader asks. Started as root',
    'it has the scheduler prefer the controllers, as their unit does. The leader is killed',
    'with `kill -9` in the middle and started again.',
    '',
    '| guards | minutes | renewals | p50 / p99 ms | false expiries | log entries while nothing happens | busiest controller, % of a core | largest controller, MiB |',
    '|---|---|---|---|---|---|---|---|',
    `| ${guards.toLocaleString('en-US')} | ${minutes} | ${renewals.toLocaleString('en-US')} | ${renewP50Ms} / ${renewP99Ms} | ${falseExpiries} | ${logEntries} | ${cpuPercent} | ${rssMb} |`,
  ].join('\n');
}
