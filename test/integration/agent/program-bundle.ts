import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';

/** CommonJS packages inside an ES module ask for Node's own modules with `require`. */
const REQUIRE =
  "import { createRequire as makeRequire } from 'node:module';\n" +
  'const require = makeRequire(import.meta.url);';

/** Agent and guard as scripts, built from the sources as they are and placed as in `dist`. */
export class ProgramBundle {
  private constructor(readonly directory: string) {}

  get agent(): string {
    return join(this.directory, 'apps/agent/src/main.js');
  }

  static async create(): Promise<ProgramBundle> {
    const directory = mkdtempSync(join(tmpdir(), 'matriarch-programs-'));
    // PostgreSQL's OS user reads them.
    chmodSync(directory, 0o755);
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n');
    for (const app of ['agent', 'guard']) {
      const outfile = join(directory, `apps/${app}/src/main.js`);
      mkdirSync(dirname(outfile), { recursive: true });
      await build({
        absWorkingDir: resolve(import.meta.dirname, '../../..'),
        entryPoints: [`apps/${app}/src/main.ts`],
        outfile,
        bundle: true,
        platform: 'node',
        format: 'esm',
        target: 'node20',
        conditions: ['source'],
        banner: { js: REQUIRE },
        external: ['@peculiar/x509', 'reflect-metadata', 'msgpackr-extract', 'pg-native'],
        logLevel: 'error',
      });
    }
    return new ProgramBundle(directory);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
