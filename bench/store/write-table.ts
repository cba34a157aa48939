import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { Measured } from './closed-loop.ts';
import { ETCD } from './etcd.ts';
import type { Report, Run } from './report.ts';

const BEGIN = '<!-- bench:store begin -->';
const END = '<!-- bench:store end -->';
const GIB = 1_024 ** 3;

/** Puts the table between its markers; the rest of the file stays. */
export function writeTable(
  path: string,
  report: Report,
  runs: readonly Run[],
  connections: string,
): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '# Benchmarks\n';
  const from = before.indexOf(BEGIN);
  const to = before.indexOf(END);
  const text = `${BEGIN}\n${tableOf(report, runs, connections)}\n${END}`;
  const after =
    from < 0 || to < from
      ? `${before.trimEnd()}\n\n${text}\n`
      : before.slice(0, from) + text + before.slice(to + END.length);
  writeFileSync(path, after);
}

function tableOf(report: Report, runs: readonly Run[], connections: string): string {
  const { results, rssMb, idlePssMb, leaderKill } = report;
  const rows = results.map(
    ({ clients, ours, oursPlain, etcd, ratio, ratioPlain }) =>
      `| ${clients} | ${cell(ours)} | ${cell(oursPlain)} | ${cell(etcd)} | ${ratio ?? '-'} | ${ratioPlain ?? '-'} |`,
  );
  return [
    '## Consensus store against etcd (`npm run bench:store`)',
    '',
    `${new Date().toISOString().slice(0, 10)}, ${machine()}, ${versions()}. Load average of the shared machine`,
    `at the end of each run: ${loads(runs)}.`,
    `Three members and the client on the one machine, loopback, fsync on, values of 256 bytes; ${Math.ceil(runs.length / 3)} x ${runs[0]?.seconds ?? 0} s, alternating,`,
    `medians; all clients of a run ${connections === 'own' ? 'have a connection each' : 'share one connection'}, with both stores. Each cell: committed commands a second, p50 / p99 ms, processor`,
    'time of the client in percent of a core, and of the three members together per command.',
    '',
    '| clients | ours, TLS | ours, plain | etcd, plain | ratio | ratio, both plain |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    `Resident memory of the largest member after the run: ours ${rssMb.ours} MiB (plain ${rssMb.oursPlain}), etcd ${rssMb.etcd} MiB; idle (PSS): ours ${idlePssMb.ours},`,
    `etcd ${idlePssMb.etcd} MiB. Leader killed with \`kill -9\`, longest time without a commit, ${leaderKill.runs} runs: p50 ${leaderKill.gapP50Ms} ms, p99 ${leaderKill.gapP99Ms} ms.`,
  ].join('\n');
}

function cell(measured: Measured | null): string {
  if (measured === null) return '-';
  const { perSecond, p50Ms, p99Ms, clientCpuPercent, membersCpuUs } = measured;
  return `${perSecond.toLocaleString('en-US')}, ${p50Ms} / ${p99Ms}, ${clientCpuPercent} %, ${membersCpuUs} µs`;
}

function loads(runs: readonly Run[]): string {
  return runs.map(({ system, loadAverage }) => `${system} ${loadAverage.toFixed(1)}`).join(', ');
}

function machine(): string {
  const cores = cpus().length;
  return `${cores} cores, ${Math.round(totalmem() / GIB)} GiB of memory`;
}

function versions(): string {
  const [etcd] = execFileSync(ETCD, ['--version'], { encoding: 'utf8' }).split('\n');
  return `Node.js ${process.version}, ${etcd?.toLowerCase() ?? 'etcd'}`;
}
