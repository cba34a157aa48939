/** How an operator changes a cluster's configuration: by the command line, on real PostgreSQL. `npm run test:all`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunbookCluster } from '../../integration/rebuild/runbook-cluster.ts';
import { until } from '../../integration/until.ts';

const LIMIT_MS = 60_000;

let site: RunbookCluster;

beforeAll(async () => {
  site = await RunbookCluster.create(3);
  await site.start();
  await site.whole();
});

afterAll(async () => {
  await site?.remove();
});

/** What the command said, once it has done what it was told. */
async function done(command: string): Promise<string> {
  const { exitCode, said } = await site.type(`matriarch ${command}`);
  expect({ command, exitCode, said }).toMatchObject({ exitCode: 0 });
  return said;
}

async function inForceEverywhere(name: string, value: string): Promise<void> {
  for (const host of site.hosts) {
    await until(async () => {
      const answer = await site.psql(host, `SHOW ${name}`).catch(() => null);
      return answer?.stdout.trim() === value;
    }, LIMIT_MS);
  }
}

/** With a program in the place of the person's editor. */
async function onTerminal(editor: string, work: () => Promise<string>): Promise<string> {
  const { EDITOR, VISUAL } = process.env;
  const { isTTY } = process.stdin;
  Object.assign(process.env, { EDITOR: editor, VISUAL: editor });
  process.stdin.isTTY = true;
  try {
    return await work();
  } finally {
    process.stdin.isTTY = isTTY;
    for (const [name, value] of Object.entries({ EDITOR, VISUAL })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

const configurationFiles = (): string =>
  site.hosts
    .flatMap(({ dataDirectory }) =>
      readdirSync(dataDirectory)
        .filter((file) => file.endsWith('.conf'))
        .map((file) => readFileSync(join(dataDirectory, file), 'utf8')),
    )
    .join('\n');

describe('config', () => {
  it('set: it is in force everywhere; show, diff and history tell of it', async () => {
    const said = await done('config set work_mem=9MB --comment reports');
    expect(said).toContain('revision 2 is recorded');
    await inForceEverywhere('work_mem', '9MB');
    expect(await done('config show')).toMatch(/work_mem: "?9MB/);
    expect(await done('config diff 1 2')).toContain('work_mem');
    expect(await done('config history')).toMatch(/^2 .*reports/m);
  });

  it.each([
    ['work_mem=banana', /work_mem = banana/],
    ['max_connections=271828', /max_connections = 271828.*262143/],
    ['primary_conninfo=elsewhere', /primary_conninfo/],
    ['no_such_setting=nowhere', /no_such_setting/],
  ])(
    'what PostgreSQL would not take, or is ours, is in no revision and no file: %s',
    async (pair, why) => {
      const { exitCode, said } = await site.type(`matriarch config set ${pair}`);
      expect(exitCode).not.toBe(0);
      expect(said.replaceAll(/\s+/g, ' ')).toMatch(why);
      expect(await done('config history')).not.toMatch(/^ +3 /m);
      expect(configurationFiles()).not.toContain(pair.split('=')[1]);
    },
  );

  it('edit takes what was saved in the editor, and rollback takes it back', async () => {
    const said = await onTerminal('sed -i s/9MB/11MB/', () => done('config edit'));
    expect(said).toContain('revision 3 is recorded');
    await inForceEverywhere('work_mem', '11MB');
    expect(await done('config rollback 2')).toContain('revision 4 is recorded');
    await inForceEverywhere('work_mem', '9MB');
    expect(await done('config diff 2 4')).toContain('say the same');
  });

  it('for a role and an instance: there only, and with the role', async () => {
    const primary = await site.whole();
    await done('config set log_min_messages=info --role primary');
    await done('config set work_mem=7MB --instance pg3');
    await until(async () => {
      const [level, memory] = await Promise.all([
        site.psql(primary, 'SHOW log_min_messages'),
        site.psql(site.host('pg3'), 'SHOW work_mem'),
      ]);
      return level.stdout.trim() === 'info' && memory.stdout.trim() === '7MB';
    }, LIMIT_MS);
    await done('switchover');
    await until(async () => {
      const level = await site.psql(await site.whole(), 'SHOW log_min_messages').catch(() => null);
      return level?.stdout.trim() === 'info';
    }, LIMIT_MS);
  });

  it('what waits for a restart is told with both values, and a planned rolling restart brings it', async () => {
    const said = await done('config set max_connections=77');
    expect(said).toContain('in force after a restart only: max_connections');
    await until(async () => {
      return /needs a restart: max_connections is 50, then 77/.test(await done('config show'));
    }, LIMIT_MS);
    const before = await site.whole();
    await done('restart --rolling --pending --at +2s');
    await inForceEverywhere('max_connections', '77');
    expect((await site.whole()).name).not.toBe(before.name);
    // The primary's file has what all have once the last of them was heard with it.
    await until(async () => !(await done('config show')).includes('needs a restart'), LIMIT_MS);
  });
});
