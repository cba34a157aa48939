import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { it } from 'vitest';

it('starts what outlives its process group, says so, and never ends', async () => {
  const directory = process.env['LEFT_IN'] ?? '';
  const child = spawn('sleep', ['120'], { detached: true, stdio: 'ignore', cwd: directory });
  writeFileSync(`${directory}/pid`, String(child.pid));
  await new Promise(() => undefined);
});
