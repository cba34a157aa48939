import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterPlan } from '../../apps/cli/src/demo/plan.ts';

/** One log line of one process, on the clock of this machine. */
export type LogLine = { readonly atMs: number; readonly who: string; readonly text: string };

/** With PostgreSQL's own `log_line_prefix`, in UTC. */
const POSTGRESQL_LINE = /^(\d{4}-\d\d-\d\d [\d:.]+ UTC) \[\d+\] (.*)$/;
const COMMON = new Set(['level', 'time', 'msg', 'message', 'process', 'cluster', 'instance']);

/** The lines of every controller, agent, guard and PostgreSQL between two moments, in order. */
export function timelineOf(plan: ClusterPlan, fromMs: number, toMs: number): readonly LogLine[] {
  const files = [
    ...plan.controllers.map(({ name, logFile }) => ({ who: name, path: logFile })),
    ...plan.instances.flatMap(({ name, logFile, stateDirectory }) => [
      { who: `${name} agent`, path: logFile },
      { who: `${name} guard`, path: join(stateDirectory, 'guard.log') },
      { who: `${name} postgres`, path: join(stateDirectory, 'postgresql.log') },
    ]),
  ];
  return files
    .flatMap(({ who, path }) => linesOf(who, path))
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .sort((a, b) => a.atMs - b.atMs);
}

function linesOf(who: string, path: string): readonly LogLine[] {
  const lines: LogLine[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (!line.startsWith('{')) {
      const said = POSTGRESQL_LINE.exec(line);
      if (said !== null) lines.push({ atMs: Date.parse(said[1] ?? ''), who, text: said[2] ?? '' });
      continue;
    }
    const fields = JSON.parse(line) as Record<string, unknown>;
    const rest = Object.entries(fields).filter(([key]) => !COMMON.has(key));
    const said = String(fields['message'] ?? fields['msg']);
    const text = `${said} ${rest.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(' ')}`;
    lines.push({ atMs: Date.parse(String(fields['time'])), who, text });
  }
  return lines;
}
