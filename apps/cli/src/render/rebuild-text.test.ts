import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { preflightTable, progressLine } from './rebuild-text.ts';

const rebuild = {
  order: 12,
  trigger: 'operator',
  reason: 'an operator ordered it',
  methods: ['pgbackrest', 'basebackup'],
  method: 'pgbackrest',
  phase: 'copying',
  doneBytes: '1073741824',
  totalBytes: '4294967296',
  bytesPerSecond: 94_371_840,
  secondsLeft: 34,
  failures: [],
  cancelled: false,
};

const terminal = {
  columns: 100,
  colors: pc.createColors(false),
  format: 'table' as const,
  interactive: true,
  line: () => undefined,
  note: () => undefined,
  transient: () => undefined,
  ask: null,
};

describe('a rebuild on the terminal', () => {
  it('is a bar with size, rate and time left', () => {
    expect(progressLine(rebuild, 97)).toMatchInlineSnapshot(
      `"pgbackrest [######..................]  25 %  1.0 GB of 4.0 GB, 90 MB/s, 34 s left"`,
    );
    expect(progressLine(rebuild, 70)).toBe(
      'pgbackrest [###..........]  25 %  1.0 GB of 4.0 GB, 90 MB/s, 34 s left',
    );
    expect(progressLine({ ...rebuild, totalBytes: null, secondsLeft: null }, 97)).toBe(
      'pgbackrest: copying, 1.0 GB so far, 90 MB/s',
    );
    expect(progressLine({ ...rebuild, phase: 'starting' }, 97)).toBe('pgbackrest: starting');
    expect(progressLine({ ...rebuild, method: null, phase: 'waiting' }, 97)).toBe('waiting');
  });

  it('says of each method what was looked at before it begins', () => {
    const none = { bytes: null, estimateSeconds: null, checks: [], listed: true };
    const methods = [
      {
        method: 'pgbackrest',
        ok: true,
        detail: 'backup 1F',
        bytes: 1_048_576,
        estimateSeconds: 200,
        checks: [
          { name: 'source', ok: true, detail: 'backup 1F of stanza main' },
          { name: 'system identifier', ok: true, detail: '7' },
          { name: 'disk', ok: true, detail: '1.1 MB needed, 9.0 GB free' },
        ],
        listed: true,
      },
      { method: 'basebackup', ok: true, detail: 'server pg1', ...none, listed: false },
      {
        method: 'barman',
        ok: false,
        detail: 'system identifier 8, but the cluster is 7',
        ...none,
        checks: [
          {
            name: 'system identifier',
            ok: false,
            detail: 'system identifier 8, but the cluster is 7',
          },
          { name: 'PostgreSQL major', ok: true, detail: '15' },
          { name: 'disk', ok: false, detail: 'too little disk' },
        ],
      },
      { method: 'walg', ok: false, detail: 'backup.walg is not configured on this host', ...none },
    ];
    expect(preflightTable({ instance: 'pg2', methods }, terminal)).toMatchInlineSnapshot(`
      "METHOD            SIZE  ABOUT  SOURCE, OR WHY NOT
      pgbackrest  ok  1.0 MB  4 min  backup 1F
                                     system identifier: 7; disk: 1.1 MB needed, 9.0 GB free
      basebackup  ok                 server pg1 (only with --method basebackup)
      barman      no                 system identifier 8, but the cluster is 7
                                     PostgreSQL major: 15; no: too little disk
      walg        no                 backup.walg is not configured on this host"
    `);
  });
});
