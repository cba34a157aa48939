import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endMarked, isDead, ProcTable, run } from '#libs/process';
import { removeNetworksOfTheDead } from '../../hosts/network-id.ts';
import { RUN_MARK } from './run-mark.ts';

const COMMAND_TIMEOUT_MS = 10_000;
const DEATH_LIMIT_MS = 5_000;
const LOOK_MS = 20;
/** As the tests name what they make with mkdtemp; a directory of anything else stays. */
const OURS = /^(?:mt|mtpg|mtr|controllers|matriarch-[a-z-]+)-[A-Za-z0-9]{6}$/;

/**
 * Ends whatever has the mark of a run that is over, and removes its directories, mounts and networks.
 *
 * @returns how many processes were left
 */
export async function sweep(mark: string): Promise<number> {
  const proc = new ProcTable();
  const marked = proc.pids().filter((pid) => proc.environment(pid).includes(`${RUN_MARK}=${mark}`));
  const directories = directoriesOf(proc, marked);
  const mounts = mountsBelow(directories);
  // Nobody can be ended who waits for a frozen disk; whoever would thaw it later is about to be ended.
  for (const mount of mounts) await tool('fsfreeze', '--unfreeze', mount);
  const ended = endMarked(RUN_MARK, mark);
  const living = () => marked.some((pid) => !isDead(proc.stat(pid)));
  for (let waitedMs = 0; living() && waitedMs < DEATH_LIMIT_MS; waitedMs += LOOK_MS) {
    await delay(LOOK_MS);
  }
  for (const mount of mounts) await tool('umount', '--lazy', mount);
  await removeNetworksOfTheDead();
  if (process.env['MATRIARCH_KEEP'] === undefined) {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  }
  return ended;
}

/** Those that the processes name or stand in. */
function directoriesOf(proc: ProcTable, pids: readonly number[]): string[] {
  const found = new Set<string>();
  for (const pid of pids) {
    const cwd = proc.cwd(pid);
    const words = proc.title(pid).split(/[\s=:,]+/);
    for (const path of cwd.kind === 'target' ? [cwd.path, ...words] : words) {
      if (!path.startsWith(`${tmpdir()}/`)) continue;
      const [name = ''] = path.slice(tmpdir().length + 1).split('/');
      if (OURS.test(name)) found.add(join(tmpdir(), name));
    }
  }
  return [...found];
}

function mountsBelow(directories: readonly string[]): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((at) => directories.some((directory) => at.startsWith(`${directory}/`)));
}

async function tool(...argv: string[]): Promise<void> {
  await run(argv, { timeoutMs: COMMAND_TIMEOUT_MS, acceptExitCodes: [0, 1, 32] });
}
