import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Lets built programs run with another value of one constant: it is changed as they are loaded. What lies in `dist`
 * stays as it is. A change takes effect at the next start of a process, of what it starts too.
 */
export class ChangedConstant {
  readonly #directory = mkdtempSync(join(tmpdir(), 'matriarch-changed-'));

  constructor(name: string, value: number) {
    // PostgreSQL's OS user reads them.
    chmodSync(this.#directory, 0o755);
    writeFileSync(join(this.#directory, 'hooks.mjs'), hooks(name, value), { mode: 0o644 });
  }

  /** For a process that starts as it was built until `change`. */
  environmentOf(process: string): NodeJS.ProcessEnv {
    this.restore(process);
    return { ...globalThis.process.env, NODE_OPTIONS: `--import=file://${this.#module(process)}` };
  }

  change(process: string): void {
    const url = JSON.stringify(`file://${join(this.#directory, 'hooks.mjs')}`);
    const text = `import { register } from 'node:module';\nregister(${url});\n`;
    writeFileSync(this.#module(process), text, { mode: 0o644 });
  }

  restore(process: string): void {
    writeFileSync(this.#module(process), '', { mode: 0o644 });
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #module(process: string): string {
    return join(this.#directory, `${process}.mjs`);
  }
}

function hooks(name: string, value: number): string {
  return `const CONSTANT = /\\b${name} ?= ?\\d[\\d_e]*/g;
export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (loaded.format !== 'module' || loaded.source == null) return loaded;
  const { source } = loaded;
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
  return { ...loaded, source: text.replace(CONSTANT, '${name} = ${value}') };
}
`;
}
