import { expect, it } from 'vitest';
import { type ReportParts, reportOf } from './report.ts';
import type { Snapshot } from './snapshot.ts';

const SETTING = 'ANY 1 ("orders/pg2/0001")';

/** Of a primary in which `synchronous_standby_names` has that value, from that file. */
function settingTold(sourceFile: string | undefined): unknown {
  const file = sourceFile === undefined ? {} : { sourceFile };
  const sql = {
    kind: 'reachable',
    role: { kind: 'primary', timeline: 1, writeLsn: 7n },
    settings: { synchronous_standby_names: { value: SETTING, ...file } },
    ...{ replicas: [], slots: [], pendingRestart: [] },
  };
  const snapshot = {
    guard: { incarnation: 'g', epoch: 3, postmaster: 'running' },
    directory: { kind: 'initialised' },
    recovery: { progress: null, stalledForMs: 0 },
    ...{ sql, foreignPid: null, answeredBefore: true, startingForMs: 0, downForMs: 0 },
  };
  const own = { proved: true, order: 4, flushedTo: null, absent: [] };
  const parts = { synchronous: own, keeps: null } as unknown as ReportParts;
  const report = reportOf(snapshot as unknown as Snapshot, null, parts);
  return report?.postgres.kind === 'primary' && report.postgres.synchronous?.setting;
}

it('what commits wait for counts where it is in force from our own file (safety 2)', () => {
  const told = { method: 'any', count: 1, names: ['orders/pg2/0001'] };
  expect(settingTold('/data/matriarch.conf')).toEqual(told);
});

it.each(['/data/postgresql.auto.conf', '/data/postgresql.conf', undefined])(
  'and not from %s: ours would come back at the next reload',
  (file) => {
    expect(settingTold(file)).toBeNull();
  },
);
