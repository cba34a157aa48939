import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandLine } from '../../test/command-line/command-line.ts';
import {
  flag,
  oneOf,
  someOf,
  text,
  wholeNumber,
  wholeNumbers,
} from '../../test/command-line/option.ts';
import { closedLoop, type Measured } from './closed-loop.ts';
import { EtcdGroup } from './etcd.ts';
import { measureLeaderKills } from './leader-kill.ts';
import { OurGroup } from './ours.ts';
import { type Run, report, runsOf, type System } from './report.ts';
import { type Part, RunsFile } from './runs-file.ts';
import { largestMemoryMb, type StoreUnderTest } from './store.ts';
import { writeTable } from './write-table.ts';

const SYSTEMS = ['ours', 'oursPlain', 'etcd'] as const;
const PARTS = [...SYSTEMS, 'leaderKill'] as const;
const values = commandLine({
  command: 'npm run bench:store --',
  purpose: `Committed commands a second of three controllers and of three etcd members, one group after the other on
this machine, each with its production path and fsync.`,
  options: {
    clients: wholeNumbers('how many at once, each with one command under way', [1, 16, 64, 256]),
    seconds: wholeNumber('of each measurement', 10, 1),
    rounds: wholeNumber('how often each, in turn', 2),
    kills: wholeNumber('of the leader', 30),
    only: someOf('which parts', PARTS, PARTS),
    connections: oneOf('of the clients of a run', ['shared', 'own'] as const, 'shared'),
    'runs-file': text(
      'parts that earlier calls measured count too, and those of this one are added',
      null,
    ),
    'port-base': wholeNumber('the first port of the members; 26 from there on', 21_400, 1),
    'node-flags': text("flags of our controllers' Node instead of those of bin/matriarch", null),
    table: text('the document that gets the table', null),
    json: flag('progress goes to standard error: one object of JSON is all of standard output'),
  },
});
const WARM_UP_SECONDS = 2;
/**
 * Before the first measurement: members run for months, and V8 compiles what is hot in the first
 * 50,000 commands. The same for every store.
 */
const FIRST_WARM_UP = { clients: 64, seconds: 8, warmUpSeconds: 0 };
const EXIT_FAILED = 2;
const { only: wanted, clients: clientCounts, connections } = values;
const systems = SYSTEMS.filter((system) => wanted.includes(system));
/** From the first port on: no two groups share any, for they stand beside each other. */
const PORTS_FROM = { ours: 0, oursPlain: 6, leaderKill: 12, etcd: 20 } as const;
const directory = mkdtempSync(join(tmpdir(), 'matriarch-bench-'));
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
  const file = new RunsFile(values['runs-file']);
  const parts: Part[] = [...file.read()];
  const take = (part: Part): void => {
    parts.push(part);
    file.add(part);
  };
  await measureInTurn((run) => take({ kind: 'run', run }));
  if (wanted.includes('leaderKill')) {
    await kill(values.kills, (gapMs) => {
      say({ leaderKill: gapMs });
      take({ kind: 'leaderKill', kill: { gapMs } });
    });
  }
  const result = report(parts);
  if (values.table !== null) writeTable(values.table, result, runsOf(parts), connections);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/**
 * One group of each system for all rounds, as a store that has run for a while: memory grows with what it has taken.
 * Those whose turn it is not are stopped, so that they take no processor from the one that is measured.
 */
async function measureInTurn(take: (run: Run) => void): Promise<void> {
  const groups: { system: System; store: StoreUnderTest; idlePssMb: number }[] = [];
  try {
    for (const system of systems) {
      const store = await start(system);
      const idlePssMb = largestMemoryMb(store, 'pss');
      groups.push({ system, store, idlePssMb });
      for (const member of store.members) member.pause();
    }
    for (let round = 0; round < values.rounds; round += 1) {
      for (const { system, store, idlePssMb } of groups) {
        for (const member of store.members) member.resume();
        take({ ...(await measure(system, store)), idlePssMb });
        for (const member of store.members) member.pause();
      }
    }
  } finally {
    for (const { store } of groups) await store.stop();
  }
}

async function measure(system: System, store: StoreUnderTest): Promise<Omit<Run, 'idlePssMb'>> {
  const membersCpuMs = (): number => store.members.reduce((sum, member) => sum + member.cpuMs(), 0);
  const warmUp = await store.connect(FIRST_WARM_UP.clients, connections);
  await closedLoop(warmUp, { ...FIRST_WARM_UP, membersCpuMs });
  warmUp.close();
  const rows: { clients: number; measured: Measured }[] = [];
  for (const clients of clientCounts) {
    const open = await store.connect(clients, connections);
    const { seconds } = values;
    const measured = await closedLoop(open, {
      ...{ clients, seconds, warmUpSeconds: WARM_UP_SECONDS },
      membersCpuMs,
    });
    open.close();
    rows.push({ clients, measured });
    say({ system, clients, ...measured, load: loadavg()[0] });
  }
  const run = {
    ...{ system, rows, seconds: values.seconds },
    rssMb: largestMemoryMb(store, 'rss'),
    pssMb: largestMemoryMb(store, 'pss'),
    loadAverage: loadavg()[0] ?? 0,
  };
  say({ system, rssMb: run.rssMb, pssMb: run.pssMb });
  return run;
}

async function kill(times: number, onGap: (gapMs: number) => void): Promise<void> {
  const group = await startOurs('leaderKill', 'tls');
  try {
    await measureLeaderKills(group, times, onGap);
  } finally {
    await group.stop();
  }
}

async function start(system: System): Promise<StoreUnderTest> {
  if (system !== 'etcd') return await startOurs(system, system === 'ours' ? 'tls' : 'plain');
  return await EtcdGroup.start(join(directory, system), values['port-base'] + PORTS_FROM.etcd);
}

async function startOurs(
  part: Exclude<Part['kind'] | System, 'run' | 'etcd'>,
  transport: 'tls' | 'plain',
): Promise<OurGroup> {
  return await OurGroup.start({
    directory: join(directory, part),
    basePort: values['port-base'] + PORTS_FROM[part],
    transport,
    nodeFlags: values['node-flags']?.split(' ') ?? null,
  });
}
/** With --json standard output has one line only. */
function say(line: Record<string, unknown>): void {
  const stream = values.json ? process.stderr : process.stdout;
  stream.write(`${JSON.stringify(line)}\n`);
}
