import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf } from '#libs/kernel';
import { writeDocumentPart } from '../shared/document-part.ts';
import { loadAverage } from '../shared/machine.ts';
import { BenchRig } from './bench-rig.ts';
import { CopiesFile, METHODS, type MeasuredCopy, type Method } from './measured.ts';
import { rebuildTable, rowsOf } from './table.ts';

/**
 * How long a standby of some size is without its data: each tool alone, and by us with the same tool:
 * `npm run bench:rebuild -- --json`. As root, on one machine.
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    table: { type: 'string' },
    megabytes: { type: 'string', default: '2048' },
    runs: { type: 'string', default: '5' },
    methods: { type: 'string', default: METHODS.join(',') },
    'runs-file': { type: 'string', default: 'docs/rebuild-runs.jsonl' },
  },
});

let running: BenchRig | null = null;

async function measure(method: Method, file: CopiesFile): Promise<void> {
  const [databaseMb, runs] = [Number(values.megabytes), Number(values.runs)];
  const bench = await BenchRig.make(method);
  running = bench;
  const take = (by: MeasuredCopy['by'], load: number, tookMs: number): void => {
    const ms = Math.round(tookMs);
    const copy = { at: new Date().toISOString(), method, by, ms, databaseMb, load };
    file.add(copy);
    process.stderr.write(`${JSON.stringify(copy)}\n`);
  };
  try {
    await bench.start(method);
    await bench.fill(databaseMb);
    await bench.backUp(method);
    for (let run = 0; run < runs; run += 1) {
      const load = loadAverage();
      if (method === 'pg_rewind') {
        take('ours', load, await bench.rejoin());
        continue;
      }
      take('tool', load, await bench.toolAlone(method));
      take('ours', loadAverage(), await bench.ours(method));
    }
  } finally {
    running = null;
    await bench.remove();
  }
}

function chosen(names: string): readonly Method[] {
  return names.split(',').map((name) => {
    const known = METHODS.find((method) => method === name);
    if (known === undefined) throw new Error(`--methods ${name}: one of ${METHODS.join(', ')}`);
    return known;
  });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    const left = Promise.resolve(running?.remove());
    left.then(endChildren, endChildren).finally(() => process.exit(2));
  });
}

/** Tools that were just at work. */
function endChildren(): void {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
  for (const pid of children.split(' ')) if (pid.trim() !== '') process.kill(Number(pid));
}
try {
  const file = new CopiesFile(values['runs-file']);
  if (Number(values.runs) > 0) {
    for (const method of chosen(values.methods)) await measure(method, file);
  }
  const copies = file.read();
  if (values.table !== undefined && copies.length > 0) {
    writeDocumentPart(values.table, 'bench:rebuild', rebuildTable(copies));
  }
  process.stdout.write(`${JSON.stringify({ rows: rowsOf(copies) })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
  process.exitCode = 2;
}
process.exit();
