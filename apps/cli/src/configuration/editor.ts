import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../cli-error.ts';

/**
 * What a person made of `text` in `$VISUAL` or `$EDITOR` (else vi). The file is gone afterwards.
 *
 * @throws UsageError when there is no terminal, or the editor did not end well
 */
export async function editedText(text: string, name: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new UsageError('editing needs a terminal: use `matriarch config set` in scripts');
  }
  const directory = await mkdtemp(join(tmpdir(), 'matriarch-edit-'));
  try {
    const file = join(directory, name);
    await writeFile(file, text, { mode: 0o600 });
    await edit(process.env['VISUAL'] ?? process.env['EDITOR'] ?? 'vi', file);
    return await readFile(file, 'utf8');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Through a shell: `EDITOR="code --wait"` is a command line. */
function edit(editor: string, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const line = `${editor} "$1"`;
    const child = spawn('/bin/sh', ['-c', line, 'sh', file], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new UsageError(`'${editor}' ended with ${code}: nothing was changed`));
    });
  });
}
