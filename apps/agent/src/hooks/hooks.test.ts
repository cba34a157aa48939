import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Logger } from '#libs/observability';
import { Callbacks } from './callbacks.ts';
import { type HookCall, hookArgv, hookEnvironment } from './hook-command.ts';
import { RoleWatch } from './role-watch.ts';
import { runHook } from './run-hook.ts';

const LIMIT_MS = 30_000;

let directory: string;
let said: { message: string; fields: Record<string, unknown> }[];
const note = (message: string, fields: Record<string, unknown>) => said.push({ message, fields });
const log = { info: note, warn: note, error: note, debug: note } as unknown as Logger;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hooks-'));
  said = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function script(name: string, body: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

function call(program: string, more: Partial<HookCall> = {}): HookCall {
  return {
    ...{ name: 'onRoleChange', argv: [program, '--fast'], role: 'primary' },
    ...{ cluster: 'main', instance: 'pg1', dataDirectory: '/srv/pg1', port: 5433, epoch: null },
    ...more,
  };
}

async function until(holds: () => boolean): Promise<void> {
  for (const beganMs = performance.now(); !holds(); await delay(10)) {
    if (performance.now() - beganMs > LIMIT_MS) throw new Error(`never: ${holds}`);
  }
}

const read = (name: string) => {
  const path = join(directory, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
const isAlive = (pid: number) => {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ') Z';
  return !/\) [ZX]/.test(stat);
};

describe('a hook', () => {
  it('gets action, role and cluster as Patroni gives them, and more in its environment', () => {
    expect(hookArgv(call('/bin/moved'))).toEqual([
      ...['/bin/moved', '--fast', 'on_role_change', 'primary', 'main'],
    ]);
    const bootstrap = call('/bin/made', { name: 'postBootstrap', arguments: ['postgres:///'] });
    expect(hookArgv(bootstrap)).toEqual(['/bin/made', '--fast', 'postgres:///']);
    expect(hookEnvironment(call('x', { name: 'prePromote', epoch: 7 }))).toMatchObject({
      MATRIARCH_ACTION: 'pre_promote',
      MATRIARCH_INSTANCE: 'pg1',
      MATRIARCH_PORT: '5433',
      MATRIARCH_EPOCH: '7',
    });
  });

  it('is run with them, and what it says is in the log', async () => {
    const program = script('says', `echo "$@ of $MATRIARCH_CLUSTER"; echo too >&2`);
    await runHook(call(program), log, { timeoutMs: LIMIT_MS });
    const lines = said.flatMap(({ fields }) => fields['line'] ?? []).sort();
    expect(lines).toEqual(['--fast on_role_change primary main of main', 'too']);
  });

  it('past its limit is ended together with what it started', async () => {
    const program = script('hangs', `sleep 600 & echo $! > ${directory}/child; wait`);
    const ended = runHook(call(program), log, { timeoutMs: 500 });
    await expect(ended).rejects.toThrow(/500|time/);
    const child = Number(read('child'));
    expect(child).toBeGreaterThan(0);
    await until(() => !isAlive(child));
  });

  it('past its limit takes with it also what left its process group', async () => {
    const program = script(
      'daemon',
      `trap '' TERM; setsid sh -c 'trap "" TERM; echo $$ > ${directory}/stray; exec sleep 600' & sleep 600`,
    );
    const beganMs = performance.now();
    const ended = runHook(call(program), log, { timeoutMs: 1_000 });
    await expect(ended).rejects.toThrow(/1000|time/);
    expect(performance.now() - beganMs).toBeLessThan(LIMIT_MS);
    const stray = Number(read('stray'));
    expect(stray).toBeGreaterThan(0);
    await until(() => !isAlive(stray));
  });

  it('that ends well may leave a daemon behind, and is not waited for because of it', async () => {
    const daemonized = `setsid sh -c 'echo $$ > ${directory}/daemon; exec sleep 600' &`;
    const program = script(
      'starts',
      `${daemonized} until [ -s ${directory}/daemon ]; do sleep 0.05; done`,
    );
    await runHook(call(program), log, { timeoutMs: LIMIT_MS });
    const daemon = Number(read('daemon'));
    expect(isAlive(daemon)).toBe(true);
    process.kill(daemon, 'SIGKILL');
  });
});

describe('callbacks', () => {
  it('are waited for by nobody, and the next ends the one that still runs', async () => {
    const slow = script('slow', `echo "$3" > ${directory}/began; sleep 600`);
    const quick = script('quick', `echo "$3" > ${directory}/last`);
    const callbacks = new Callbacks(LIMIT_MS, log);
    callbacks.call(call(slow));
    await until(() => read('began') !== '');
    callbacks.call(call(quick, { role: 'replica' }));
    await until(() => read('last') === 'replica\n');
    callbacks.close();
    expect(said.map(({ message }) => message)).toContain('callback ended for the next one');
  });

  it('of reloads run beside the others', async () => {
    const slow = script(
      'slow',
      `touch ${directory}/began; until [ -e ${directory}/go ]; do sleep 0.1; done; touch ${directory}/done`,
    );
    const reload = script('reload', `touch ${directory}/reloaded`);
    const callbacks = new Callbacks(LIMIT_MS, log);
    callbacks.call(call(slow));
    await until(() => existsSync(join(directory, 'began')));
    callbacks.call(call(reload, { name: 'onReload' }));
    await until(() => existsSync(join(directory, 'reloaded')));
    writeFileSync(join(directory, 'go'), '');
    await until(() => existsSync(join(directory, 'done')));
    callbacks.close();
  });

  it('that fail are logged, and hold up none after them', async () => {
    const callbacks = new Callbacks(LIMIT_MS, log);
    callbacks.call(call(script('fails', 'exit 3')));
    await until(() => said.some(({ message }) => message === 'callback failed'));
    callbacks.call(call(script('works', `touch ${directory}/worked`)));
    await until(() => existsSync(join(directory, 'worked')));
    callbacks.close();
  });
});

describe('what happened between two looks', () => {
  const running = (role: HookCall['role'], postmasterStartedAt = 1) =>
    ({ kind: 'running', role, postmasterStartedAt }) as const;
  const down = { kind: 'down' } as const;

  it.each([
    ['a first start', [running('replica')], ['onStart replica']],
    ['a stop', [running('replica'), down, down], ['onStart replica', 'onStop replica']],
    [
      'a promotion',
      [running('replica'), running('primary')],
      ['onStart replica', 'onRoleChange primary'],
    ],
    [
      'a demotion',
      [running('primary'), down, running('replica', 2)],
      ['onStart primary', 'onStop primary', 'onRoleChange replica'],
    ],
    [
      'a restart that was too quick to be seen',
      [running('replica'), running('replica', 2)],
      ['onStart replica', 'onRestart replica'],
    ],
    [
      'a standby leader',
      [running('replica'), running('standby_leader')],
      ['onStart replica', 'onRoleChange standby_leader'],
    ],
  ] as const)('%s', (_name, looks, expected) => {
    const watch = new RoleWatch();
    const happened = looks.flatMap((seen) => watch.look(seen, false) ?? []);
    expect(happened.map(({ name, role }) => `${name} ${role}`)).toEqual(expected);
  });

  it('a restart that was ordered is one word, not two', () => {
    const watch = new RoleWatch();
    watch.look(running('primary'), false);
    expect(watch.look(down, true)).toBeNull();
    expect(watch.look(running('primary', 2), false)).toEqual({
      name: 'onRestart',
      role: 'primary',
    });
  });
});
