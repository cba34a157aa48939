import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type InstanceProcess, type InstanceProcesses, isDead, ProcTable } from '#libs/process';
import { detach } from './detach.ts';

const TITLE = 'postgres: pg2: walreceiver streaming 0/3000148';
const LIMIT_MS = 10_000;

const proc = new ProcTable();
let directory: string;
let postmaster: ChildProcess;
let receiver: ChildProcess;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'detach-'));
  postmaster = spawn('sh', ['-c', 'trap "" HUP; sleep 60']);
  receiver = spawn('sleep', ['60']);
  writeFileSync(join(directory, 'postmaster.pid'), `${postmaster.pid}\n${directory}\n1700000000\n`);
});

afterEach(() => {
  for (const child of [postmaster, receiver]) child.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

/** As `/proc` shows them: the receiver, which was asked for just before, from the second look on. */
class ShowsLate implements InstanceProcesses {
  /** Of each look, whether it was there. */
  readonly looks: boolean[] = [];

  scan() {
    const stat = proc.stat(receiver.pid ?? 0);
    const isThere = this.looks.length > 0 && stat !== undefined && !isDead(stat);
    this.looks.push(isThere);
    const processes: InstanceProcess[] = isThere ? [{ ...stat, title: TITLE }] : [];
    return { processes, unreadable: [] };
  }

  startTicks(pid: number): number | undefined {
    return proc.stat(pid)?.startTicks;
  }
}

/** A backend that has read the new files as soon as it is asked again. */
function readsAtOnce() {
  let asked = 0;
  const query = (text: string) => {
    if (!text.includes('pg_conf_load_time')) return Promise.resolve([]);
    asked += 1;
    return Promise.resolve([{ loaded_at: `${asked}`, conninfo: '' }]);
  };
  return { query } as never;
}

it('one look that finds no receiver is no proof: one that was asked for just before shows by the next (safety 6)', async () => {
  const processes = new ShowsLate();
  const version = { major: 15, minor: 18 };
  const request = { dataDirectory: directory, version, limitMs: LIMIT_MS, processes };
  const outcome = await detach(readsAtOnce(), request);
  expect(outcome).toMatchObject({ kind: 'detached', reloadSeenBy: 'sql', receiverSignalled: true });
  expect(processes.looks[0]).toBe(false);
  // And it takes two again since it was seen.
  expect(processes.looks.slice(processes.looks.lastIndexOf(true) + 1).length).toBeGreaterThan(1);
});
