import { messageOf } from '#libs/kernel';
import { commandLine } from '../../test/command-line/command-line.ts';
import { flag, someOf, text, wholeNumber } from '../../test/command-line/option.ts';
import { writeDocumentPart } from '../shared/document-part.ts';
import { loadAverage } from '../shared/machine.ts';
import { BenchRig } from './bench-rig.ts';
import { BENCH_SETTINGS, CopiesFile, METHODS, type MeasuredCopy, type Method } from './measured.ts';
import { rebuildTable, rowsOf } from './table.ts';

const values = commandLine({
  command: 'npm run bench:rebuild --',
  purpose: `How long a standby is without its data: each tool alone, and by us with the same tool (as root).`,
  options: {
    methods: someOf('which', METHODS, METHODS),
    megabytes: wholeNumber('size of the database', 2_048, 1),
    runs: wholeNumber('of each; 0: only write the table from earlier runs', 5),
    'runs-file': text('where runs are kept', 'docs/rebuild-runs.jsonl'),
    table: text('the document that gets the table', null),
    json: flag('as always: one object of JSON ends it'),
  },
});

let running: Promise<BenchRig> | null = null;

async function measure(method: Method, file: CopiesFile): Promise<void> {
  const { megabytes: databaseMb, runs } = values;
  running = BenchRig.make(method);
  const bench = await running;
  const take = (by: MeasuredCopy['by'], load: number, tookMs: number): void => {
    const ms = Math.round(tookMs);
    const { max_wal_size: maxWalSize } = BENCH_SETTINGS;
    const at = new Date().toISOString();
    const copy = { at, method, by, ms, databaseMb, maxWalSize, load };
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

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // One that is just being made has processes and a directory, too.
    const left = Promise.resolve(running).then((bench) => bench?.remove());
    left.then(
      () => process.exit(2),
      (error: unknown) => {
        process.stderr.write(`${messageOf(error)}\n`);
        process.exit(2);
      },
    );
  });
}
try {
  const file = new CopiesFile(values['runs-file']);
  if (values.runs > 0) for (const method of values.methods) await measure(method, file);
  const copies = file.read();
  if (values.table !== null && copies.length > 0) {
    writeDocumentPart(values.table, 'bench:rebuild', rebuildTable(copies));
  }
  process.stdout.write(`${JSON.stringify({ rows: rowsOf(copies) })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
  process.exitCode = 2;
}
process.exit();
