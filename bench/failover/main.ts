import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '#libs/kernel';
import { WritingClient } from '#libs/outage';
import type { HostNetwork } from '../../test/hosts/host-network.ts';
import { createSixHosts } from '../../test/hosts/six-hosts.ts';
import { writeDocumentPart } from '../shared/document-part.ts';
import { loadAverage } from '../shared/machine.ts';
import { startWriting } from '../shared/writing.ts';
import { type BenchArguments, readArguments } from './arguments.ts';
import type { Fault, SystemName } from './fault.ts';
import { measureRun } from './measure.ts';
import { phasesPicture } from './picture.ts';
import { rowsOf } from './rows.ts';
import { type MeasuredRun, RunsFile } from './runs-file.ts';
import { Matriarch } from './systems/matriarch.ts';
import { Patroni } from './systems/patroni.ts';
import { PgAutoFailover } from './systems/pgaf.ts';
import { failoverTable } from './table.ts';

const BOOTSTRAP_LIMIT_MS = 180_000;
const STANDBYS = 2;
const PICTURE = 'failover-phases.svg';
const ended = new AbortController();

async function main(request: BenchArguments): Promise<readonly MeasuredRun[]> {
  const file = new RunsFile(request.runsFile);
  const endMs = performance.now() + request.seconds * 1_000;
  const measured: MeasuredRun[] = [];
  const take = (run: MeasuredRun): void => {
    measured.push(run);
    file.add(run);
    say(run);
  };
  for (const name of request.systems) {
    if (request.runs !== 0) await measureSystem(name, request, { file, endMs, take });
  }
  const all = file.read();
  if (request.table !== null) {
    writeDocumentPart(request.table, 'bench:failover', failoverTable(all, PICTURE));
    const ours = all.filter(({ system }) => system === 'matriarch');
    writeFileSync(join(dirname(request.table), PICTURE), phasesPicture(ours));
  }
  return request.runs === 0 ? all : measured;
}

type Measuring = {
  readonly file: RunsFile;
  readonly endMs: number;
  readonly take: (run: MeasuredRun) => void;
};

async function measureSystem(
  name: SystemName,
  request: BenchArguments,
  { file, endMs, take }: Measuring,
): Promise<void> {
  const network = await createSixHosts();
  const system = systemOf(name, network, request);
  try {
    await system.prepare();
    const startedMs = performance.now();
    const load = loadAverage();
    await system.start();
    const primary = await system.untilStreaming(STANDBYS, BOOTSTRAP_LIMIT_MS);
    const gapMs = Math.round(performance.now() - startedMs);
    const common = { at: new Date().toISOString(), system: name, mode: system.mode, load };
    take({ ...common, fault: 'bootstrap', gapMs, dual: 0, lost: 0, phasesMs: null });
    const { databases: hosts, credentials } = system;
    const client = new WritingClient({ hosts, credentials });
    await startWriting(client, primary);
    try {
      for (const fault of request.faults.filter((wanted) => system.faults.includes(wanted))) {
        if (request.fresh) {
          const { mode } = system;
          file.forget((run) => run.system === name && run.mode === mode && run.fault === fault);
        }
        const runs = request.runs ?? defaultRuns(name, fault);
        for (let run = 0; run < runs && performance.now() < endMs; run += 1) {
          ended.signal.throwIfAborted();
          take(await measureRun(fault, system, client));
        }
      }
    } finally {
      await client.stop();
    }
  } catch (error) {
    if (request.keep && system instanceof Matriarch) {
      system.keepFiles = true;
      say({ kept: system.cluster.plan.directory });
    }
    throw error;
  } finally {
    for (const { name: host } of network.hosts) system.holdDown(host);
    await system.stop();
    await network.remove();
  }
}

function systemOf(name: SystemName, network: HostNetwork, { mode }: BenchArguments) {
  switch (name) {
    case 'matriarch':
      return new Matriarch(network, mode);
    case 'pgaf':
      return new PgAutoFailover(network);
    default:
      return new Patroni(network, name, mode);
  }
}

function defaultRuns(system: SystemName, fault: Fault): number {
  if (system !== 'matriarch') return 3;
  return fault === 'host-death' || fault === 'switchover' ? 30 : 10;
}

function say(line: unknown): void {
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => ended.abort(new Error(`ended by ${signal}`)));
}
try {
  const rows = rowsOf(await main(readArguments()));
  process.stdout.write(`${JSON.stringify({ rows })}\n`);
} catch (error) {
  say({ error: messageOf(error) });
  process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
  process.exitCode = 2;
}
// Whatever is still open by now belongs to hosts that are gone.
process.exit();
