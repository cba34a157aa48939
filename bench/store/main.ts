import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { closedLoop, type Measured } from './closed-loop.ts';
import { EtcdGroup } from './etcd.ts';
import { measureLeaderKills } from './leader-kill.ts';
import { OurGroup } from './ours.ts';
import { type Run, report, runsOf } from './report.ts';
import { type Part, RunsFile } from './runs-file.ts';
import { largestMemoryMb, type StoreUnderTest } from './store.ts';
import { writeTable } from './write-table.ts';

/**
 * Committed commands a second of three controllers and of three etcd members, one group after the
 * other on this machine, each with its production path and fsync: `npm run bench:store -- --json`.
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    clients: { type: 'string', default: '1,16,64,256' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '2' },
    kills: { type: 'string', default: '30' },
    only: { type: 'string', default: 'ours,oursPlain,etcd,leaderKill' },
    /** Parts that earlier calls measured count too, and this call's are added. */
    'runs-file': { type: 'string' },
    connections: { type: 'string', default: 'shared' },
    'port-base': { type: 'string', default: '21400' },
    /** Flags of our controllers' Node instead of those of bin/matriarch. */
    'node-flags': { type: 'string' },
    /** Where the table goes; none by default, `npm run bench:store` names docs/benchmarks.md. */
    table: { type: 'string' },
  },
});

const SYSTEMS = ['ours', 'oursPlain', 'etcd'] as const;
const WARM_UP_SECONDS = 2;
/**
 * Before the first measurement: members run for months, and V8 compiles what is hot in the first
 * 50,000 commands. The same for every store.
 */
const FIRST_WARM_UP = { clients: 64, seconds: 8, warmUpSeconds: 0 };
const EXIT_FAILED = 2;
const wanted = values.only.split(',');
const systems = SYSTEMS.filter((system) => wanted.includes(system));
const clientCounts = values.clients.split(',').map(Number);
const connections = values.connections === 'own' ? 'own' : 'shared';
const directory = mkdtempSync(join(tmpdir(), 'matriarch-bench-'));
let started = 0;
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(EXIT_FAILED));
}

try {
  await main();
} catch (error) {
  const said = error instanceof Error ? error.message : String(error);
  process.stdout.write(`${JSON.stringify({ error: said })}\n`);
  process.exit(EXIT_FAILED);
}

async function main(): Promise<void> {
  const file = new RunsFile(values['runs-file'] ?? null);
  const parts: Part[] = [...file.read()];
  const take = (part: Part): void => {
    parts.push(part);
    file.add(part);
  };
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const system of systems) take({ kind: 'run', run: await measure(system) });
  }
  if (wanted.includes('leaderKill')) {
    await kill(Number(values.kills), (gapMs) => {
      say({ leaderKill: gapMs });
      take({ kind: 'leaderKill', kill: { gapMs } });
    });
  }
  const result = report(parts);
  if (values.table !== undefined) writeTable(values.table, result, runsOf(parts), connections);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function measure(system: (typeof SYSTEMS)[number]): Promise<Run> {
  const store = await start(system);
  try {
    const idlePssMb = largestMemoryMb(store, 'pss');
    const membersCpuMs = (): number =>
      store.members.reduce((sum, member) => sum + member.cpuMs(), 0);
    const warmUp = await store.connect(FIRST_WARM_UP.clients, connections);
    await closedLoop(warmUp, { ...FIRST_WARM_UP, membersCpuMs });
    warmUp.close();
    const rows: { clients: number; measured: Measured }[] = [];
    for (const clients of clientCounts) {
      const open = await store.connect(clients, connections);
      const seconds = Number(values.seconds);
      const measured = await closedLoop(open, {
        ...{ clients, seconds, warmUpSeconds: WARM_UP_SECONDS },
        membersCpuMs,
      });
      open.close();
      rows.push({ clients, measured });
      say({ system, clients, ...measured, load: loadavg()[0] });
    }
    const run: Run = {
      ...{ system, rows, idlePssMb, seconds: Number(values.seconds) },
      rssMb: largestMemoryMb(store, 'rss'),
      pssMb: largestMemoryMb(store, 'pss'),
      loadAverage: loadavg()[0] ?? 0,
    };
    say({ system, idlePssMb, rssMb: run.rssMb, pssMb: run.pssMb });
    return run;
  } finally {
    await store.stop();
  }
}

async function kill(times: number, onGap: (gapMs: number) => void): Promise<void> {
  const group = await startOurs('tls');
  try {
    await measureLeaderKills(group, times, onGap);
  } finally {
    await group.stop();
  }
}

async function start(system: (typeof SYSTEMS)[number]): Promise<StoreUnderTest> {
  if (system !== 'etcd') return await startOurs(system === 'ours' ? 'tls' : 'plain');
  started += 1;
  const at = join(directory, `etcd-${started}`);
  return await EtcdGroup.start(at, Number(values['port-base']) + 20);
}

async function startOurs(transport: 'tls' | 'plain'): Promise<OurGroup> {
  started += 1;
  return await OurGroup.start({
    directory: join(directory, `ours-${started}`),
    basePort: Number(values['port-base']),
    transport,
    nodeFlags: values['node-flags']?.split(' ') ?? null,
  });
}

/** With --json standard output has one line only. */
function say(line: Record<string, unknown>): void {
  const stream = values.json ? process.stderr : process.stdout;
  stream.write(`${JSON.stringify(line)}\n`);
}
