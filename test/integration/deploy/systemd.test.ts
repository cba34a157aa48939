import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '#libs/process';

const UNITS = resolve(import.meta.dirname, '../../../deploy/systemd');
const names = readdirSync(UNITS);

function unit(name: string): string {
  return readFileSync(join(UNITS, name), 'utf8');
}

describe('units for systemd', () => {
  it.each(names)('%s is accepted by systemd-analyze', async (name) => {
    const directory = mkdtempSync(join(tmpdir(), 'matriarch-units-'));
    try {
      // A clean machine has neither Matriarch nor its user: stand-ins that exist everywhere.
      for (const each of names) {
        const text = unit(each)
          .replaceAll('/opt/matriarch/bin/matriarch', '/bin/true')
          .replaceAll(/^User=.*$/gm, 'User=daemon')
          .replaceAll(/^Documentation=.*$/gm, '');
        writeFileSync(join(directory, each), text);
      }
      mkdirSync(join(directory, 'x'));
      const file = join(directory, name.replace('@.', '@orders-pg1.'));
      writeFileSync(file, readFileSync(join(directory, name)));
      const { stderr, exitCode } = await run(['systemd-analyze', 'verify', '--man=no', file], {
        timeoutMs: 30_000,
        acceptExitCodes: [0, 1],
      });
      const ours = stderr.split('\n').filter((line) => line.includes('matriarch'));
      expect({ exitCode, ours }).toEqual({ exitCode: 0, ours: [] });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  /** Five starts in ten seconds are over before a full disk has space, or an address is there. */
  it.each(['matriarch-controller.service', 'matriarch-agent@.service'])(
    '%s is not given up for good when its first starts fail',
    (name) => {
      const [head = ''] = unit(name).split('\n[Service]\n');
      expect(head).toContain('\nStartLimitIntervalSec=0\n');
      expect(unit(name)).toContain('\nRestart=always\n');
    },
  );

  it('keep guard and PostgreSQL in a unit of their own, as safety 13 demands', () => {
    const guard = unit('matriarch-guard@.service');
    for (const line of [
      'KillMode=mixed',
      'OOMPolicy=continue',
      'OOMScoreAdjust=-1000',
      'Delegate=yes',
    ]) {
      expect(guard).toContain(`\n${line}\n`);
    }
    expect(guard).toContain('PG_OOM_ADJUST_VALUE=0');
    expect(unit('matriarch-agent@.service')).toContain('\nKillMode=process\n');
  });
});
