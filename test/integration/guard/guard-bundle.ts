import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

/** The guard as one script, built from the sources as they are, so that no test runs an old one. */
export class GuardBundle {
  private constructor(
    private readonly directory: string,
    readonly script: string,
  ) {}

  static async create(): Promise<GuardBundle> {
    const directory = mkdtempSync(join(tmpdir(), 'matriarch-guard-bundle-'));
    // PostgreSQL's OS user reads it.
    chmodSync(directory, 0o755);
    const script = join(directory, 'guard.mjs');
    await build({
      absWorkingDir: resolve(import.meta.dirname, '../../..'),
      entryPoints: ['apps/guard/src/main.ts'],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['source'],
      external: ['@peculiar/x509', 'reflect-metadata', 'msgpackr-extract'],
      logLevel: 'error',
    });
    return new GuardBundle(directory, script);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
