import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { UsageError } from '../cli-error.ts';

/** The editor was ended, or ended as who gives up ends it (`:cq`): what it holds is not wanted. */
export class EditingGivenUpError extends UsageError {}

/** A file of its own for a person to edit in `$VISUAL` or `$EDITOR` (else vi). */
export class EditedFile {
  private constructor(readonly path: string) {}

  /** @throws UsageError when there is no terminal */
  static async create(name: string): Promise<EditedFile> {
    if (!process.stdin.isTTY) {
      throw new UsageError('editing needs a terminal: use `matriarch config set` in scripts');
    }
    return new EditedFile(join(await mkdtemp(join(tmpdir(), 'matriarch-edit-')), name));
  }

  /**
   * What a person made of `text`.
   *
   * @throws EditingGivenUpError when the editor did not end well
   */
  async edit(text: string): Promise<string> {
    await writeFile(this.path, text, { mode: 0o600 });
    await runEditor(process.env['VISUAL'] ?? process.env['EDITOR'] ?? 'vi', this.path);
    return this.text();
  }

  /** What it holds; empty before it was first edited. */
  async text(): Promise<string> {
    return readFile(this.path, 'utf8').catch(() => '');
  }

  async remove(): Promise<void> {
    await rm(dirname(this.path), { recursive: true, force: true });
  }
}

const ENDING = ['SIGTERM', 'SIGHUP'] as const;

/** Through a shell: `EDITOR="code --wait"` is a command line. */
function runEditor(editor: string, file: string): Promise<void> {
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
  // Ctrl-C in an editor is meant for the editor, but the terminal sends it to both of us.
  const stay = (): void => undefined;
  // We outlive the editor, to remove its file.
  const passOn = (signal: NodeJS.Signals): boolean => child.kill(signal);
  process.on('SIGINT', stay);
  for (const signal of ENDING) process.on(signal, passOn);
  return new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      const how = `'${editor}' ended with ${code ?? signal}`;
      reject(new EditingGivenUpError(`${how}: nothing was changed`));
    });
  }).finally(() => {
    process.off('SIGINT', stay);
    for (const signal of ENDING) process.off(signal, passOn);
  });
}
