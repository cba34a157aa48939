import { expect, it } from 'vitest';
import type { AgentReport } from '#libs/cluster';
import { type ReportParts, reportOf } from './report.ts';
import type { Snapshot } from './snapshot.ts';

const SETTING = 'ANY 1 ("orders/pg2/0001")';

/** At 900 ms of a primary that was looked at 300 ms before; its `synchronous_standby_names` is from that file. */
function told(sourceFile: string | undefined): AgentReport | null {
  const file = sourceFile === undefined ? {} : { sourceFile };
  const sql = {
    kind: 'reachable',
    role: { kind: 'primary', timeline: 1, writeLsn: 7n },
    settings: { synchronous_standby_names: { value: SETTING, ...file } },
    ...{ replicas: [], slots: [], pendingRestart: [] },
  };
  const snapshot = {
    begunMs: 600.4,
    guard: { incarnation: 'g', epoch: 3, postmaster: 'running' },
    directory: { kind: 'initialised' },
    recovery: { progress: null, stalledForMs: 0 },
    ...{ sql, foreignPid: null, answeredBefore: true, startingForMs: 0, downForMs: 0 },
  };
  const own = { proved: true, order: 4, flushedTo: null, absent: [] };
  const parts = {
    synchronous: own,
    keeps: null,
    foreignSenders: new Set(),
  } as unknown as ReportParts;
  return reportOf(snapshot as unknown as Snapshot, 900, null, parts);
}

function settingTold(sourceFile: string | undefined): unknown {
  const report = told(sourceFile);
  return report?.postgres.kind === 'primary' && report.postgres.synchronous?.setting;
}

it('what commits wait for counts where it is in force from our own file (safety 2)', () => {
  const inForce = { method: 'any', count: 1, names: ['orders/pg2/0001'] };
  expect(settingTold('/data/matriarch.conf')).toEqual(inForce);
});

it.each(['/data/postgresql.auto.conf', '/data/postgresql.conf', undefined])(
  'and not from %s: ours would come back at the next reload',
  (file) => {
    expect(settingTold(file)).toBeNull();
  },
);

it('a report says how old the look is that it tells of (safety 24)', () => {
  expect(told(undefined)?.lookAgeMs).toBe(300);
});
