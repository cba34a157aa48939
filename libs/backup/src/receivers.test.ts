import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endReceivers } from './receivers.ts';

/** As rsync's receiving end: it works in the directory, and lives as long as its input. */
async function receiverIn(cwd: string, program = 'rsync') {
  mkdirSync(cwd, { recursive: true });
  const child = spawn('sh', ['-c', 'echo ready; read -r line', program, '--server', '-s'], { cwd });
  await once(child.stdout, 'data');
  return child;
}

describe('who receives into the place of a copy', () => {
  it('is ended, also when the place was removed, and nobody whose directory is only named like it', async () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'mtr-')));
    mkdirSync(join(root, 'disk'));
    symlinkSync(join(root, 'disk'), join(root, 'linked'));
    const place = join(root, 'linked', 'main.matriarch-new');
    const ours = await receiverIn(join(place, 'barman-1/data'));
    const late = await receiverIn(join(place, 'barman-2/data'));
    rmSync(join(place, 'barman-2'), { recursive: true });
    const others = [
      await receiverIn(join(root, 'disk', root, 'disk/main.matriarch-new/data')),
      await receiverIn(`${place}-2/data`),
      await receiverIn(join(place, 'data'), 'tar'),
    ];
    const ended = [once(ours, 'exit'), once(late, 'exit')];
    await endReceivers(place);
    expect((await Promise.all(ended)).map(([, signal]) => signal)).toEqual(['SIGTERM', 'SIGTERM']);
    for (const other of others) {
      const exit = once(other, 'exit');
      other.stdin.end();
      expect((await exit)[1]).toBeNull();
    }
    rmSync(root, { recursive: true });
  });
});
