import { describe, expect, it } from 'vitest';
import { type CatalogEntry, judgeParameter } from './parameter-catalog.ts';
import { booleanOf, numberIn } from './parameter-value.ts';

const entry = (given: Partial<CatalogEntry> & { readonly name: string }): CatalogEntry => ({
  type: 'integer',
  unit: null,
  min: null,
  max: null,
  choices: null,
  context: 'user',
  ...given,
});

/** As PostgreSQL 15 shows them. */
const CATALOG = new Map(
  [
    entry({ name: 'max_connections', min: 1, max: 262_143, context: 'postmaster' }),
    entry({ name: 'shared_buffers', unit: '8kB', min: 16, max: 1_073_741_823 }),
    entry({ name: 'wal_sender_timeout', unit: 'ms', min: 0, max: 2_147_483_647 }),
    entry({ name: 'random_page_cost', type: 'real', min: 0, max: 1.79e308 }),
    entry({ name: 'jit', type: 'bool' }),
    entry({
      name: 'synchronous_commit',
      type: 'enum',
      choices: ['local', 'remote_write', 'remote_apply', 'on', 'off'],
    }),
    entry({ name: 'log_line_prefix', type: 'string' }),
    entry({ name: 'block_size', context: 'internal' }),
  ].map((one) => [one.name, one]),
);

describe('judgeParameter', () => {
  it.each([
    ['max_connections', '200', { kind: 'accepted', needsRestart: true }],
    ['shared_buffers', '128MB', { kind: 'accepted', needsRestart: false }],
    ['shared_buffers', '1.5GB', { kind: 'accepted', needsRestart: false }],
    ['wal_sender_timeout', '1min', { kind: 'accepted', needsRestart: false }],
    ['random_page_cost', '1.1', { kind: 'accepted', needsRestart: false }],
    ['jit', 'of', { kind: 'accepted', needsRestart: false }],
    ['synchronous_commit', 'REMOTE_APPLY', { kind: 'accepted', needsRestart: false }],
    ['synchronous_commit', 'true', { kind: 'accepted', needsRestart: false }],
    ['pg_stat_statements.max', 'anything', { kind: 'unchecked' }],
  ])('%s = %s is taken', (name, value, expected) => {
    expect(judgeParameter(CATALOG, name, value)).toEqual(expected);
  });

  it.each([
    ['max_connections', '0', 'range', '1 to 262143 (this is 0)'],
    ['max_connections', '10MB', 'number', "it takes no unit, 'MB'"],
    ['shared_buffers', '64kB', 'range', '16 to 1073741823, counted in 8kB (this is 8)'],
    [
      'shared_buffers',
      '1gb',
      'number',
      "'gb' is none of its units (B, kB, MB, GB, TB; case matters)",
    ],
    ['max_connections', 'abc', 'number', 'a number; 1 to 262143'],
    ['wal_sender_timeout', 'soon', 'number', ', counted in ms'],
    ['jit', 'perhaps', 'boolean', 'on or off'],
    ['synchronous_commit', 'maybe', 'choice', 'one of local, remote_write, remote_apply, on, off'],
    ['log_line_prefix', 'a\nb', 'one-line', 'text without line breaks'],
    ['block_size', '8192', 'read-only', 'not a setting: it is only shown'],
    ['max_conections', '1', 'unknown-parameter', 'did you mean max_connections?'],
    ['primary_conninfo', 'x', 'managed', 'left out: whom a standby follows is decided by'],
  ])('%s = %s is refused (%s)', (name, value, rule, limit) => {
    const verdict = judgeParameter(CATALOG, name, value);
    expect(verdict).toMatchObject({ kind: 'refused', rule });
    const said = verdict.kind === 'refused' ? verdict.limit : null;
    expect(said).toContain(limit);
  });
});

describe('values', () => {
  it.each([
    ['0x10', null, 16],
    ['010', null, 8],
    ['1.6', null, 2],
    ['1h', 'min', 60],
    ['500us', 'ms', 1],
    ['-1', 'kB', -1],
    [' 2 GB ', 'MB', 2_048],
    ['1e3', null, 1_000],
  ])('%s in %s is %d', (text, unit, value) => {
    expect(numberIn(text, unit, 'integer')).toEqual({ kind: 'number', value });
  });

  it.each(['', 'o', '2', 'onn', 'yess'])('%j is no boolean', (text) => {
    expect(booleanOf(text)).toBeNull();
  });
});
