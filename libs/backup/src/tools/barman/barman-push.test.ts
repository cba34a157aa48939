import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceRequest } from '../../rebuild-tool.ts';
import { BOOT_ID_FILE, whoIsThereCommand } from './barman.command.ts';
import { isOtherHost } from './barman.output.ts';
import { BarmanTool } from './barman.tool.ts';

const ANOTHER = '87b8da99-a687-472f-8557-5877a57de2fb';
const request = { installation: {}, expected: { timeline: null } } as unknown as SourceRequest;
const settings = {
  server: 'main',
  host: 'backup1',
  user: 'barman',
  ssh: ['ssh'],
  remoteSshCommand: 'ssh postgres@db1',
  program: ['barman'],
  walRestoreProgram: 'barman-wal-restore',
  walArchiveProgram: 'barman-wal-archive',
  backup: 'latest',
  api: null,
};
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mtr-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function program(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, `${text}\n`);
  return file;
}

/** Both hosts are this one; `there` is what `remoteSshCommand` runs. */
function toolWith(there: string): BarmanTool {
  const json = new URL('captured/show-backup.json', import.meta.url).pathname;
  return new BarmanTool({
    ...settings,
    ssh: ['sh', program('out', 'for last; do :; done; exec sh -c "$last"')],
    program: ['sh', program('barman', `exec cat ${json}`)],
    remoteSshCommand: `sh ${program('back', there)} postgres@db1`,
  });
}

describe('whether Barman could push to this host', () => {
  it('is asked of its host by the same command, with a limit that the command may change', () => {
    expect(whoIsThereCommand(settings)?.at(-1)).toBe(
      `sh -c 'ssh -o BatchMode=yes postgres@db1 -o ConnectTimeout=5 cat ${BOOT_ID_FILE}'`,
    );
    expect(whoIsThereCommand({ ...settings, host: null })).toBeNull();
    expect(whoIsThereCommand({ ...settings, remoteSshCommand: null })).toBeNull();
  });

  it('is no objection when it reaches this one', async () => {
    const { objections } = await toolWith('shift; exec "$@"').inspect(request);
    expect(objections).toEqual([]);
  });

  it('is one when it may not log in, with what it was told', async () => {
    const refusal = 'echo "postgres@db1: Permission denied (publickey)." >&2; exit 255';
    const { objections } = await toolWith(refusal).inspect(request);
    expect(objections.join()).toMatch(
      /cannot push to this host: 'sh .*' \(backup.barman.remoteSshCommand\) on backup1 fails: .*Permission denied \(publickey\)/,
    );
  });

  it('is one when it reaches another: the copy would be made there', async () => {
    const { objections } = await toolWith(`echo ${ANOTHER}`).inspect(request);
    expect(objections.join()).toMatch(/would push to another host: .* does not lead to this one/);
  });

  it('tells hosts apart by an answer alone, also below a greeting', () => {
    const own = readFileSync(BOOT_ID_FILE, 'utf8');
    expect(isOtherHost(`welcome\n${own}`, own)).toBe(false);
    expect(isOtherHost(`welcome\n${ANOTHER}\n`, own)).toBe(true);
    expect(isOtherHost('only rsync is allowed here', own)).toBe(false);
  });
});
