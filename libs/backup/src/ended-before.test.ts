import { expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import { endedBefore } from './ended-before.ts';

const NOON = '2026-11-27 12:00:00+00';
const end = { endedAtMs: Date.parse('2026-11-27T12:00:00Z'), endLsn: parseLsn('0/5000100') };
const unknown = { endedAtMs: null, endLsn: null };

it.each([
  ['without a target', end, null, true],
  ['by time, at its very end', end, { kind: 'time', value: NOON }, true],
  ['by time, before its end', end, { kind: 'time', value: '2026-11-27 11:59:59+00' }, false],
  ['by time that only PostgreSQL reads', end, { kind: 'time', value: 'yesterday' }, true],
  ['by time, of one that does not tell its end', unknown, { kind: 'time', value: NOON }, false],
  ['by LSN, at its very end', end, { kind: 'lsn', value: '0/5000100' }, true],
  ['by LSN, before its end', end, { kind: 'lsn', value: '0/50000FF' }, false],
  ['by LSN, with another first half', end, { kind: 'lsn', value: '1/0' }, true],
  ['by LSN, of one that does not tell its end', unknown, { kind: 'lsn', value: '1/0' }, false],
  ['by name, which the WAL alone knows', unknown, { kind: 'name', value: 'here' }, true],
  ['by xid, which the WAL alone knows', unknown, { kind: 'xid', value: '700' }, true],
] as const)('a backup for a target %s', (_what, backup, target, reaches) => {
  expect(endedBefore(backup, target)).toBe(reaches);
});
