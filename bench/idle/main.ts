import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '#libs/kernel';
import { commandLine } from '../../test/command-line/command-line.ts';
import { flag, text, wholeNumber } from '../../test/command-line/option.ts';
import { CONTROLLER_HOSTS, createSixHosts, DATABASE_HOSTS } from '../../test/hosts/six-hosts.ts';
import { Matriarch } from '../failover/systems/matriarch.ts';
import { Patroni } from '../failover/systems/patroni.ts';
import { writeDocumentPart } from '../shared/document-part.ts';
import { loadAverage, machineText } from '../shared/machine.ts';
import { costOf, type HostCost } from './host-cost.ts';

const values = commandLine({
  command: 'npm run bench:idle --',
  purpose: `What the managers cost while nothing happens, PostgreSQL itself left out: processor time of one core and
proportional memory, on a database host and on a consensus host; ours, then Patroni and etcd (as root).`,
  options: {
    seconds: wholeNumber('how long it is measured', 60, 1),
    settle: wholeNumber('seconds from the last standby to the measurement', 60),
    table: text('the document that gets the table', null),
    json: flag('as always: one object of JSON ends it'),
  },
});
const STREAMING_LIMIT_MS = 180_000;
const STANDBYS = 2;
const KIB_PER_MIB = 1_024;

type Row = {
  readonly system: 'matriarch' | 'patroni';
  readonly host: 'primary' | 'standby' | 'consensus';
  /** Of one core; the busiest host of its kind. */
  readonly cpuPercent: number;
  readonly pssMb: number;
  readonly processes: string;
};

async function measure(name: Row['system'], seconds: number): Promise<Row[]> {
  const network = await createSixHosts();
  const system =
    name === 'matriarch' ? new Matriarch(network, 'async') : new Patroni(network, name, 'async');
  try {
    await system.prepare();
    await system.start();
    const primary = await system.untilStreaming(STANDBYS, STREAMING_LIMIT_MS);
    await pause(values.settle * 1_000);
    const hosts = [...DATABASE_HOSTS, ...CONTROLLER_HOSTS];
    const costs = () => Promise.all(hosts.map((host) => costOf(network, host)));
    const before = await costs();
    const startedMs = performance.now();
    await pause(seconds * 1_000);
    const elapsedMs = performance.now() - startedMs;
    const after = await costs();
    return (['primary', 'standby', 'consensus'] as const).map((kind) => {
      const chosen = hosts.flatMap((host, at) => (kindOf(host, primary) === kind ? [at] : []));
      return { system: name, host: kind, ...worst(chosen, before, after, elapsedMs) };
    });
  } finally {
    for (const { name: host } of network.hosts) system.holdDown(host);
    await system.stop();
    await network.remove();
  }
}

function kindOf(host: string, primary: string): Row['host'] {
  if (host === primary) return 'primary';
  return DATABASE_HOSTS.includes(host) ? 'standby' : 'consensus';
}

function worst(
  hosts: readonly number[],
  before: readonly HostCost[],
  after: readonly HostCost[],
  elapsedMs: number,
) {
  const costs = hosts.map((at) => {
    const [first, last] = [before[at], after[at]];
    const cpuMs = (last?.cpuMs ?? 0) - (first?.cpuMs ?? 0);
    return { cpuPercent: (cpuMs / elapsedMs) * 100, cost: last };
  });
  const busiest = Math.max(...costs.map(({ cpuPercent }) => cpuPercent));
  const largest = costs.toSorted((a, b) => (b.cost?.pssKib ?? 0) - (a.cost?.pssKib ?? 0))[0]?.cost;
  const processes = largest?.processes.map(({ what, pssKib }) => `${what} ${mib(pssKib)}`) ?? [];
  return {
    cpuPercent: Math.round(busiest * 100) / 100,
    pssMb: mib(largest?.pssKib ?? 0),
    processes: processes.join(', '),
  };
}

function mib(kib: number): number {
  return Math.round(kib / KIB_PER_MIB);
}

function table(rows: readonly Row[], seconds: number, load: number): string {
  return [
    '## Cost while nothing happens (`npm run bench:idle`)',
    '',
    `${new Date().toISOString().slice(0, 10)}, ${machineText()}, load average ${load}. Everything but PostgreSQL on each host over ${seconds} s,`,
    `${values.settle} s after the last standby streamed (V8 compiles less and less, the longer it runs):`,
    'processor time in percent of one core (busiest host of its kind), proportional memory (PSS, largest host) in MiB.',
    '',
    '| system | host | CPU % | PSS MiB | of which |',
    '|---|---|---|---|---|',
    ...rows.map(({ system, host, cpuPercent, pssMb, processes }) => {
      return `| ${system === 'patroni' ? 'Patroni and etcd' : 'Matriarch'} | ${host} | ${cpuPercent} | ${pssMb} | ${processes} |`;
    }),
  ].join('\n');
}

try {
  const { seconds } = values;
  const rows: Row[] = [];
  for (const system of ['matriarch', 'patroni'] as const) {
    const measured = await measure(system, seconds);
    rows.push(...measured);
    process.stderr.write(`${JSON.stringify({ system, measured })}\n`);
  }
  if (values.table !== null) {
    writeDocumentPart(values.table, 'bench:idle', table(rows, seconds, loadAverage()));
  }
  process.stdout.write(`${JSON.stringify({ seconds, rows })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
  process.exitCode = 2;
}
process.exit();
