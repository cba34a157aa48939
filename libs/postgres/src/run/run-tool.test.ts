import { afterEach, expect, it, vi } from 'vitest';
import { runTool } from './run-tool.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

it('a tool of PostgreSQL hears of our password file, and not of what was exported for psql', async () => {
  vi.stubEnv('PGPASSWORD', 'of another server');
  vi.stubEnv('PGSERVICE', 'elsewhere');
  vi.stubEnv('PGSSLROOTCERT', '/ca.crt');
  const secrets = { passwordFile: '/pgpass' };
  const { stdout } = await runTool({}, ['/usr/bin/env'], { timeoutMs: 10_000, secrets });
  const said = stdout.split('\n').filter((line) => line.startsWith('PG'));
  expect(said.sort()).toEqual(['PGPASSFILE=/pgpass', 'PGSSLROOTCERT=/ca.crt']);
});
