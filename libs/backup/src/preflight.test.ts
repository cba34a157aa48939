import { describe, expect, it } from 'vitest';
import { parseLsn, timelineId } from '#libs/kernel';
import { judgePreflight, type PreflightRequest } from './preflight.ts';
import type { SourceFacts } from './rebuild-tool.ts';

const facts: SourceFacts = {
  source: 'backup 1',
  systemIdentifier: '7',
  major: 15,
  bytes: 1_000_000,
  wal: { timeline: 2, lsn: parseLsn('0/5000000') },
  bytesPerSecond: null,
  objections: [],
};

const request: PreflightRequest = {
  method: 'pgbackrest',
  capabilities: {
    inPlace: false,
    fromServer: false,
    limitsBandwidth: true,
    archivesWal: true,
    restoresToTarget: true,
  },
  facts,
  expected: { systemIdentifier: '7', timeline: timelineId(2) },
  major: 15,
  freeBytes: 2_000_000,
  presentBytes: 0,
  admission: [],
  keptFrom: null,
  bandwidthBytesPerSecond: 100_000,
};

const behind = { ...facts, wal: { timeline: 1, lsn: parseLsn('0/5000000') } };
const lacking = { ...facts, missing: '000000020000000000000005' };

describe('a preflight', () => {
  it.each([
    ['all fits', {}, null],
    ['another database', { facts: { ...facts, systemIdentifier: '8' } }, 'system identifier 8'],
    ['another major', { facts: { ...facts, major: 14 } }, 'PostgreSQL 14, but this host runs 15'],
    ['the archive ends on an old timeline', { facts: behind }, 'the cluster is on timeline 2'],
    [
      'the primary keeps what comes after it',
      { facts: behind, keptFrom: parseLsn('0/5000000') },
      null,
    ],
    ['the primary keeps too little', { facts: behind, keptFrom: parseLsn('0/5000001') }, 'only'],
    [
      'the archive lacks a segment on the way',
      { facts: lacking, keptFrom: parseLsn('0/5000001') },
      'archived to 0/5000000 on timeline 2, and 000000020000000000000005 is missing there',
    ],
    [
      'the primary keeps what the archive lacks',
      { facts: lacking, keptFrom: parseLsn('0/5000000') },
      null,
    ],
    ['no room', { freeBytes: 900_000 }, 'too little disk'],
    ['room once the old one is gone', { freeBytes: 900_000, presentBytes: 900_000 }, null],
    [
      'nobody may stream from there',
      { admission: [{ name: 'replication', ok: false, detail: 'refuses us' }] },
      'refuses us',
    ],
    ['an objection of the tool', { facts: { ...facts, objections: ['no'] } }, 'no'],
    [
      'nothing told refuses nothing',
      { facts: { ...facts, systemIdentifier: null, major: null, bytes: null, wal: null } },
      null,
    ],
  ] as const)('%s', (_name, changes, refusal) => {
    const { ok, detail } = judgePreflight({ ...request, ...changes });
    expect(ok).toBe(refusal === null);
    if (refusal !== null) expect(detail).toContain(refusal);
  });

  it('says what it would do', () => {
    const said = (changes: Partial<PreflightRequest>) =>
      judgePreflight({ ...request, ...changes }).detail;
    expect(said({})).toBe('backup 1, WAL to 0/5000000 on timeline 2');
    expect(said({ freeBytes: 900_000, presentBytes: 900_000 })).toBe(
      'backup 1, WAL to 0/5000000 on timeline 2; no room for both, what is there now goes first',
    );
    const capabilities = { ...request.capabilities, inPlace: true };
    expect(said({ capabilities })).toBe('backup 1; in place, copies only what differs');
  });

  it('keeps what is there aside only where there is room for both', () => {
    const roomy = judgePreflight({ ...request, presentBytes: 900_000 });
    const tight = judgePreflight({ ...request, presentBytes: 900_000, freeBytes: 900_000 });
    expect([roomy.keepsAside, tight.keepsAside]).toEqual([true, false]);
  });

  it('estimates by the bandwidth that is allowed', () => {
    expect(judgePreflight(request).estimateSeconds).toBe(10);
  });
});
