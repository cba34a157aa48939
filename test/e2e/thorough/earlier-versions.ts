import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Lets built programs run as the version that speaks the protocol up to `level` only: as they are loaded, the one
 * constant is another. What lies in `dist` stays as it is. An upgrade takes effect at the next start of a process,
 * of what it starts too.
 */
export class EarlierVersions {
  readonly #directory = mkdtempSync(join(tmpdir(), 'matriarch-versions-'));

  constructor(readonly level: number) {
    // PostgreSQL's OS user reads them.
    chmodSync(this.#directory, 0o755);
    writeFileSync(join(this.#directory, 'hooks.mjs'), hooks(level), { mode: 0o644 });
  }

  /** For a process that starts as the earlier version until `upgrade`. */
  environmentOf(process: string): NodeJS.ProcessEnv {
    this.downgrade(process);
    return { ...globalThis.process.env, NODE_OPTIONS: `--import=file://${this.#module(process)}` };
  }

  upgrade(process: string): void {
    writeFileSync(this.#module(process), '', { mode: 0o644 });
  }

  downgrade(process: string): void {
    const url = JSON.stringify(`file://${join(this.#directory, 'hooks.mjs')}`);
    const text = `import { register } from 'node:module';\nregister(${url});\n`;
    writeFileSync(this.#module(process), text, { mode: 0o644 });
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #module(process: string): string {
    return join(this.#directory, `${process}.mjs`);
  }
}

function hooks(level: number): string {
  return `const CONSTANT = /\\bPROTOCOL_MAX ?= ?\\d+/g;
export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (loaded.format !== 'module' || loaded.source == null) return loaded;
  const { source } = loaded;
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
  return { ...loaded, source: text.replace(CONSTANT, 'PROTOCOL_MAX = ${level}') };
}
`;
}
