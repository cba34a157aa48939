/**
 * What ends PostgreSQL when its guard is gone and the kernel's death signal never came (safety 13): the fuse, and
 * the agent, each on its own. The guard that comes next does it too: `guard-postgres.test.ts`.
 */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { ProcTable } from '#libs/process';
import { signalAll } from '../../hosts/signal-all.ts';
import { fusePid } from '../guard/guarded-instance.ts';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import { RebuildRig } from '../rebuild/rebuild-rig.ts';
import { until } from '../until.ts';
import type { AgentHost } from './agent-host.ts';

const LIMIT_MS = 30_000;
/** What is done at once; more than a busy machine takes. */
const AT_ONCE_MS = 2_000;
/** Longer than anything at work here needs. */
const NOBODY_ENDS_IT_MS = 2_500;
/** Node goes on for ever with it, and does nothing. */
const NEVER_BEGINS = 'setInterval(() => undefined, 60_000);\n';

let rig: RebuildRig;
let host: AgentHost;

beforeAll(async () => {
  const postgres = (root: string) => ({ binDirectory: withoutDeathSignal(join(root, 'bin')) });
  rig = await RebuildRig.create({ names: ['pg1'], postgres });
  host = present(rig.hosts[0], 'a host');
  await rig.start();
});

beforeEach(async () => {
  await until(() => serves().catch(() => false), LIMIT_MS);
  await until(() => fusePid(host.dataDirectory), LIMIT_MS);
});

afterAll(async () => {
  await host?.stopAgent('SIGKILL');
  signalAll(guards(), 'SIGKILL');
  await rig?.remove();
});

async function serves(): Promise<boolean> {
  const client = await host.client();
  try {
    const { rows } = await client.query<{ own: boolean }>('SELECT NOT pg_is_in_recovery() AS own');
    return rows[0]?.own === true;
  } finally {
    await client.end();
  }
}

/** PostgreSQL's programs, with a postmaster that gives up the signal which it was launched with. */
function withoutDeathSignal(directory: string): string {
  mkdirSync(directory);
  for (const name of readdirSync(POSTGRES_BIN)) {
    if (name !== 'postgres') symlinkSync(join(POSTGRES_BIN, name), join(directory, name));
  }
  const postgres = join(directory, 'postgres');
  const exec = `exec setpriv --pdeathsig clear -- ${POSTGRES_BIN}/postgres "$@"`;
  writeFileSync(postgres, `#!/bin/sh\n${exec}\n`, { mode: 0o755 });
  return directory;
}

/** Guards of the host, one that waits as a spare too. */
function guards(): number[] {
  const proc = new ProcTable();
  const settings = join(host.stateDirectory, 'guard.json');
  return proc.pids().filter((pid) => proc.title(pid).includes(settings));
}

function pids(): number[] {
  return host.processes.scan().processes.map(({ pid }) => pid);
}

/** A backend that does not look whether its postmaster lives. */
async function busy(): Promise<void> {
  const client = await host.client();
  const [row] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
  void client.query('do $$ begin loop end loop; end $$').catch(() => undefined);
  await until(() => pids().includes(row?.pid ?? 0), LIMIT_MS);
}

it('the fuse alone ends every process of the instance', async () => {
  await busy();
  const agent = present(host.agent?.pid, 'an agent');
  signalAll([agent], 'SIGSTOP');
  try {
    const killedMs = performance.now();
    signalAll(guards(), 'SIGKILL');
    await until(() => pids().length === 0, LIMIT_MS);
    expect(performance.now() - killedMs).toBeLessThan(AT_ONCE_MS);
    expect(host.log('state/guard.log')).toMatch(/the fuse ended postgresql","cause":"guard-gone"/);
  } finally {
    signalAll([agent], 'SIGCONT');
  }
});

it('the agent alone ends every process of the instance', async () => {
  await busy();
  const programs = join(dirname(rig.programs.agent), '../..');
  writeFileSync(join(programs, 'guard/src/main.js'), NEVER_BEGINS);
  const agent = present(host.agent?.pid, 'an agent');
  signalAll([agent], 'SIGSTOP');
  // The fuse first: its guard's end would be its signal, and no guard is left that would replace it.
  const fuse = present(fusePid(host.dataDirectory), 'a fuse');
  signalAll([fuse, ...guards()], 'SIGKILL');
  await delay(NOBODY_ENDS_IT_MS);
  const postmaster = present(host.postmasterPid(), 'a postmaster');
  expect(pids()).toContain(postmaster);
  // It writes on, with nobody who guards it.
  const client = await host.client();
  await client.query('CREATE TABLE unguarded (a int)');
  const thawedMs = performance.now();
  signalAll([agent], 'SIGCONT');
  await until(() => pids().length === 0, LIMIT_MS);
  expect(performance.now() - thawedMs).toBeLessThan(AT_ONCE_MS);
  const told = /"killed":[1-9]\d*,"left":0.*"instance of a dead guard killed"/;
  await until(() => told.test(host.log()), LIMIT_MS);
  // Of the guard that comes next nothing has begun.
  expect(host.guardPid()).toBeNull();
});
