import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeOf, seededPrng } from '#libs/kernel';
import { openReplicaStore } from './open-replica-store.ts';
import type { RecoveredLog } from './recovery.ts';
import { batch, contentOf, GROUP_ID, MEMBERSHIP, run } from './testing/log-builders.ts';

/** `npm run test:all`: as long as it takes. Otherwise what fits into a few seconds. */
const THOROUGH = process.env['MATRIARCH_TEST_ALL'] !== undefined;
const KILLS = THOROUGH ? 60 : 8;
const DAMAGES = THOROUGH ? 1_000 : 60;
const LIMIT_MS = 600_000;
const NAMED_ERRORS = ['DAMAGED_LOG'];

describe('a controller directory on real files', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'storage-crash-'));
  });

  afterEach(() => rm(directory, { recursive: true }));

  it(`keeps everything acknowledged through ${KILLS} kills`, { timeout: LIMIT_MS }, async () => {
    const program = await buildWriter();
    const prng = seededPrng(42);
    let acknowledged: Acknowledged = { index: 0, term: 0 };
    for (let kill = 0; kill < KILLS; kill += 1) {
      acknowledged = await killAfter(program, directory, prng.range(5, 80), acknowledged);
      const { store, recovered } = await openReplicaStore({ directory, groupId: GROUP_ID });
      const { lastIndex, appliedIndex, hardState } = found(recovered);
      expect(lastIndex).toBeGreaterThanOrEqual(acknowledged.index);
      expect(hardState.term).toBeGreaterThanOrEqual(acknowledged.term);
      expect(appliedIndex).toBe(lastIndex);
      const entries = await store.readEntries(1, lastIndex, 100_000_000);
      expect(entries.map(contentOf)).toEqual(run(1, lastIndex, 1).map(contentOf));
      const counter = await store.get('counter');
      expect(new TextDecoder().decode(counter ?? undefined)).toBe(`${appliedIndex}`);
      await store.close();
    }
    await rm(program);
    console.info(`acknowledged over ${KILLS} kills: ${acknowledged.index} entries`);
    expect(acknowledged.index).toBeGreaterThan(KILLS);
  });

  it(`${DAMAGES} damaged bytes or cut files never lose anything in silence`, {
    timeout: LIMIT_MS,
  }, async () => {
    const pristine = join(directory, 'pristine');
    await fill(pristine);
    const expected = await read(pristine);
    const prng = seededPrng(7);
    const outcomes = { same: 0, named: 0 };
    for (let round = 0; round < DAMAGES; round += 1) {
      const copy = join(directory, 'copy');
      await cp(pristine, copy, { recursive: true });
      const what = await damage(copy, prng);
      const got = await read(copy).catch((error: unknown) => codeOf(error) ?? String(error));
      if (typeof got === 'string') {
        expect(NAMED_ERRORS, `${what}: ${got}`).toContain(got);
        await expect(read(copy), `${what}: opened again`).rejects.toMatchObject({ code: got });
        outcomes.named += 1;
      } else {
        expect(got, what).toEqual(expected);
        outcomes.same += 1;
      }
      await rm(copy, { recursive: true });
    }
    expect(outcomes.named).toBeGreaterThan(DAMAGES / 10);
    console.info(`damaged files: ${outcomes.same} same content, ${outcomes.named} named error`);
  });
});

/** A directory with table files, a log, a compacted front and state that no later write replaced. */
async function fill(path: string): Promise<void> {
  const { store } = await openReplicaStore({ directory: path, groupId: GROUP_ID });
  await store.bootstrap({ groupId: GROUP_ID, memberId: 1, membership: MEMBERSHIP });
  const hardState = { term: 1, vote: 1 };
  for (let index = 1; index <= 400; index += 8) {
    await store.write({
      persist: batch({
        hardState: index === 1 ? hardState : null,
        entries: run(index, index + 7, 1),
      }),
      state: [{ type: 'put', key: `key/${index}`, value: new Uint8Array(100).fill(index % 256) }],
      applied: { index: index + 6, term: 1, digest: Uint8Array.of(1) },
    });
    if (index === 201) {
      await store.compactTo(100);
      await store.close();
      return fillOn(path);
    }
  }
}

/** Opening again moves what was in LevelDB's log into a table file. */
async function fillOn(path: string): Promise<void> {
  const { store } = await openReplicaStore({ directory: path, groupId: GROUP_ID });
  for (let index = 209; index <= 400; index += 8) {
    await store.write({
      persist: batch({ entries: run(index, index + 7, 1) }),
      state: [{ type: 'put', key: `key/${index}`, value: new Uint8Array(100).fill(index % 256) }],
      applied: { index: index + 6, term: 1, digest: Uint8Array.of(1) },
    });
  }
  await store.close();
}

async function read(path: string): Promise<unknown> {
  const { store, recovered } = await openReplicaStore({ directory: path, groupId: GROUP_ID });
  try {
    const { firstIndex, lastIndex, appliedIndex, hardState } = found(recovered);
    const entries = await store.readEntries(firstIndex, lastIndex, 100_000_000);
    const state: string[] = [];
    for await (const { key, value } of store.scan({ prefix: '' })) {
      const direct = await store.get(key);
      state.push(`${key} ${Buffer.from(value).toString('hex')} ${direct?.length}`);
    }
    return { firstIndex, appliedIndex, hardState, entries: entries.map(contentOf), state };
  } finally {
    await store.close();
  }
}

function found(recovered: RecoveredLog): RecoveredLog & { readonly bootstrapped: true } {
  if (!recovered.bootstrapped) throw new Error('silent loss: the directory looks fresh');
  return recovered;
}

async function damage(path: string, prng: ReturnType<typeof seededPrng>): Promise<string> {
  const files: string[] = [join(path, 'guard')];
  for (const name of await readdir(join(path, 'db'))) {
    if (!['LOCK', 'LOG', 'LOG.old'].includes(name)) files.push(join(path, 'db', name));
  }
  const bySize: { file: string; size: number }[] = [];
  for (const file of files) bySize.push({ file, size: (await readFile(file)).length });
  const { file, size } = prng.pick(bySize.filter((candidate) => candidate.size > 0));
  const at = prng.range(0, size - 1);
  if (prng.chance(0.1)) {
    await rm(file);
    return `${file} removed`;
  }
  if (prng.chance(0.25)) {
    await truncate(file, at);
    return `${file} cut to ${at} of ${size}`;
  }
  const bytes = await readFile(file);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.range(0, 7));
  await writeFile(file, bytes);
  return `${file} flipped at ${at} of ${size}`;
}

type Acknowledged = { readonly index: number; readonly term: number };

/** Runs the process, kills it after a while, and tells what it acknowledged last. */
async function killAfter(
  program: string,
  directory: string,
  forMs: number,
  before: Acknowledged,
): Promise<Acknowledged> {
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let acknowledged = before;
  let doomed = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const [index, term] = line.split(' ').map(Number);
    acknowledged = { index: index ?? 0, term: term ?? 0 };
    if (!doomed) setTimeout(() => child.kill('SIGKILL'), forMs);
    doomed = true;
  }
  await exited;
  return acknowledged;
}

/** The writing process as one file of JavaScript, placed where it finds the native LevelDB. */
async function buildWriter(): Promise<string> {
  const outfile = join('node_modules', '.cache', 'matriarch-tests', `writer-${process.pid}.mjs`);
  await build({
    stdin: {
      contents: `import { writeUntilKilled } from './log-builders.ts';
        await writeUntilKilled(process.argv[2], (line) => process.stdout.write(line + '\\n'));`,
      resolveDir: join(import.meta.dirname, 'testing'),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['source'],
    external: ['level', 'msgpackr'],
    outfile,
  });
  return outfile;
}
