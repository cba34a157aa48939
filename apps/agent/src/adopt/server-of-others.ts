import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, DomainError } from '#libs/kernel';
import { checkpoint } from '#libs/postgres-run';
import { isDead, ProcTable, readPostmasterPid } from '#libs/process';
import { standsIn } from '../observe/stands-in.ts';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { CHECKPOINT_MS } from '../timing.ts';
import type { ServerOfOthers } from './take-over.ts';

/** A fast stop waits for standbys that lag and for an archiver that is slow; nobody is killed here. */
const END_LIMIT_MS = 100_000;
const POLL_MS = 10;

class TakeOverError extends DomainError {
  readonly code = 'TAKE_OVER_FAILED';
}

/** The postmaster with `pid`, reached by what its own `postmaster.pid` says. */
export function serverOfOthers(local: LocalInstance, pid: number): ServerOfOthers {
  const { dataDirectory } = local;
  return {
    checkpoint: (superuser) => {
      const { port, socketDirectory } = readPostmasterPid(dataDirectory) ?? {};
      const own = local.target(superuser);
      const target = { ...own, port: port ?? own.port, host: socketDirectory ?? own.host };
      return checkpoint(target, CHECKPOINT_MS);
    },
    end: () => endInOrder(dataDirectory, pid),
  };
}

/** As `pg_ctl stop -m fast` does it; the pid is looked at once more just before. */
async function endInOrder(dataDirectory: string, pid: number): Promise<void> {
  const proc = new ProcTable();
  const known = proc.stat(pid);
  if (known === undefined || !standsIn(pid, dataDirectory, proc)) return;
  try {
    process.kill(pid, 'SIGINT');
  } catch (cause) {
    if (codeOf(cause) === 'ESRCH') return;
    throw new TakeOverError(
      `process ${pid} takes no signal from us (${codeOf(cause)}): the agent must run as its user`,
      { cause },
    );
  }
  const begunMs = performance.now();
  for (;;) {
    const now = proc.stat(pid);
    if (isDead(now) || now?.startTicks !== known.startTicks) return;
    if (performance.now() - begunMs > END_LIMIT_MS) {
      throw new TakeOverError(
        `process ${pid} has not ended ${END_LIMIT_MS / 1_000} s after a fast stop: ` +
          'a walsender or the archiver holds it up; see its own log',
      );
    }
    await delay(POLL_MS);
  }
}
