import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { osUser } from '#libs/process';

const PROGRAM = `
import { dropPrivileges } from '#libs/process';
const user = dropPrivileges(process.argv[2]);
const { HOME } = process.env;
console.log(JSON.stringify({ user, uid: process.geteuid(), gid: process.getegid(), HOME }));
`;

/** Needs a process of its own: there is no way back. */
describe.skipIf(process.getuid?.() !== 0)('a process that was started as root', () => {
  let directory: string;
  let program: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'mtpg-'));
    chmodSync(directory, 0o755);
    program = join(directory, 'program.mjs');
    await build({
      stdin: { contents: PROGRAM, resolveDir: process.cwd() },
      bundle: true,
      platform: 'node',
      format: 'esm',
      conditions: ['source'],
      outfile: program,
      logLevel: 'error',
    });
  });

  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('becomes PostgreSQL’s OS user, for good', () => {
    const user = osUser('postgres');
    const { stdout, stderr } = spawnSync(process.execPath, [program, 'postgres'], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const { uid, gid, home } = user;
    expect(JSON.parse(stdout)).toEqual({ user, uid, gid, HOME: home });
  });

  it('may be that user already, and becomes nobody else from there', () => {
    const { uid, gid } = osUser('postgres');
    const start = (name: string) =>
      spawnSync(process.execPath, [program, name], { encoding: 'utf8', uid, gid });
    expect(start('postgres').status).toBe(0);
    expect(start('nobody').stderr).toContain("cannot become 'nobody'");
    expect(start('root').stderr).toContain("cannot become 'root'");
  });
});
