import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build, type Plugin } from 'esbuild';
import { planted, type SourcePatch } from './source-patch.ts';

/** What a world throws away dies young: with the default of 48 MB a tenth of the time goes into moving it on. */
const MEMORY = { maxYoungGenerationSizeMb: 192 };

/**
 * The simulator with the production core as one plain script, so that worker threads run it at full
 * speed. Patches plant a bug in the source text: production code carries no switches for tests.
 */
export class SimulatorBundle<Order, Report> {
  /** A thread is kept for the next order: a simulator that was just compiled takes twice as long. */
  readonly #idle: Worker[] = [];

  private constructor(
    private readonly folder: string,
    private readonly script: string,
  ) {}

  /** `root`: the folder of package.json. @throws StalePatchError */
  static async create<Order, Report>(
    root: string,
    patches: readonly SourcePatch[],
    worker: string,
  ): Promise<SimulatorBundle<Order, Report>> {
    const folder = await mkdtemp(join(tmpdir(), 'raft-simulator-'));
    const script = join(folder, 'worker.mjs');
    await build({
      absWorkingDir: root,
      entryPoints: [`test/simulation/${worker}.ts`],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      conditions: ['source'],
      logLevel: 'silent',
      plugins: [WITHOUT_ENGINE, patching(root, patches)],
    });
    return new SimulatorBundle(folder, script);
  }

  run(order: Order): Promise<Report> {
    return new Promise((resolve, reject) => {
      const worker = this.#idle.pop() ?? new Worker(this.script, { resourceLimits: MEMORY });
      worker.once('error', reject);
      worker.once('message', (report: Report) => {
        worker.off('error', reject);
        this.#idle.push(worker);
        resolve(report);
      });
      worker.postMessage(order);
    });
  }

  /** To be called when every order has its report. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The simulator's disks are in memory: the native engine has no place in a plain script. */
const WITHOUT_ENGINE: Plugin = {
  name: 'without-engine',
  setup(bundler) {
    bundler.onResolve({ filter: /^level$/ }, () => ({ path: 'level', namespace: 'absent' }));
    bundler.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: 'export class Level {}',
    }));
  },
};

function patching(root: string, patches: readonly SourcePatch[]): Plugin {
  return {
    name: 'plant',
    setup(bundler) {
      for (const file of new Set(patches.map((patch) => patch.file))) {
        const name = file.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
        bundler.onLoad({ filter: new RegExp(`${name}$`) }, async ({ path }) => {
          const source = await readFile(path, 'utf8');
          const here = patches.filter((patch) => relative(root, path) === patch.file);
          return { contents: here.reduce(planted, source), loader: 'ts' };
        });
      }
    },
  };
}
