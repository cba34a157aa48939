import { execFileSync } from 'node:child_process';
import { writeDocumentPart } from '../shared/document-part.ts';
import { machineText } from '../shared/machine.ts';
import type { Measured } from './closed-loop.ts';
import { ETCD } from './etcd.ts';
import type { Report, Run } from './report.ts';

/** Puts the table between its markers; the rest of the file stays. */
export function writeTable(
  path: string,
  report: Report,
  runs: readonly Run[],
  connections: string,
): void {
  writeDocumentPart(path, 'bench:store', tableOf(report, runs, connections));
}

function tableOf(report: Report, runs: readonly Run[], connections: string): string {
  const { results, rssMb, pssMb, idlePssMb, leaderKill } = report;
  const rows = results.map(
    ({ clients, ours, oursPlain, etcd, ratio, ratioPlain }) =>
      `| ${clients} | ${cell(ours)} | ${cell(oursPlain)} | ${cell(etcd)} | ${ratio ?? '-'} | ${ratioPlain ?? '-'} |`,
  );
  const rounds = runs.filter(({ system }) => system === runs[0]?.system).length;
  return [
    '## Consensus store against etcd (`npm run bench:store`)',
    '',
    `${new Date().toISOString().slice(0, 10)}, ${machineText()}, ${etcdVersion()}. Load average`,
    `at the end of each run: ${loads(runs)}.`,
    'Three members and the client on the one machine, loopback, fsync on, values of 256 bytes; ours as `bin/matriarch` starts it,',
    `etcd with its defaults. ${rounds} x ${runs[0]?.seconds ?? 0} s, alternating, medians; all clients of a run ${connections === 'own' ? 'have a connection each' : 'share one connection'}, with`,
    'both stores. Each cell: committed commands a second, p50 / p99 ms, processor time of the client in percent of a core, and',
    'of the three members together per command. The groups stand beside each other, and all but the measured one are stopped.',
    '',
    '| clients | ours, TLS | ours, plain | etcd, plain | ratio | ratio, both plain |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '| memory of the largest member, MiB | ours, TLS | ours, plain | etcd |',
    '|---|---|---|---|',
    `| idle, proportional (PSS) | ${cells(idlePssMb)} |`,
    `| after the run, proportional (PSS) | ${cells(pssMb)} |`,
    `| after the run, resident | ${cells(rssMb)} |`,
    '',
    `Leader killed with \`kill -9\` (ours, TLS), longest time without a commit, ${leaderKill.runs} runs: p50 ${leaderKill.gapP50Ms} ms, p99 ${leaderKill.gapP99Ms} ms.`,
  ].join('\n');
}

function cells(perSystem: Report['rssMb']): string {
  return `${perSystem.ours} | ${perSystem.oursPlain} | ${perSystem.etcd}`;
}

function cell(measured: Measured | null): string {
  if (measured === null) return '-';
  const { perSecond, p50Ms, p99Ms, clientCpuPercent, membersCpuUs } = measured;
  return `${perSecond.toLocaleString('en-US')}, ${p50Ms} / ${p99Ms}, ${clientCpuPercent} %, ${membersCpuUs} µs`;
}

function loads(runs: readonly Run[]): string {
  return runs.map(({ system, loadAverage }) => `${system} ${loadAverage.toFixed(1)}`).join(', ');
}

function etcdVersion(): string {
  const [version] = execFileSync(ETCD, ['--version'], { encoding: 'utf8' }).split('\n');
  return version?.toLowerCase() ?? 'etcd';
}
