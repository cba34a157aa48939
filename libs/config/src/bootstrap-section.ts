import * as z from 'zod';
import { BACKUP_TOOLS, type BootstrapPolicy, TARGET_KINDS } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { field, NAME_RULE, nameSchema } from './field.ts';
import type { Resolution } from './resolve.ts';

/** Those that decide what the data is like, and not where it lies or who owns it. */
const INITDB_OPTION =
  /^--(encoding|locale|lc-[a-z]+|locale-provider|icu-locale|icu-rules|builtin-locale|text-search-config|wal-segsize|no-locale)(=.*)?$/;
const OPTION_RULE =
  'a list of --locale=..., --lc-...=..., --encoding=..., --locale-provider=..., --icu-locale=..., ' +
  '--text-search-config=..., --wal-segsize=...';

function targetField(about: string, example: string) {
  return field(z.string().min(1).max(1_000).optional(), {
    about,
    rule: 'text, in quotes',
    example,
  });
}

const targetSection = z.strictObject({
  time: targetField('The last moment to keep.', '2026-11-26 12:00:00+00'),
  lsn: targetField('The last WAL position to keep.', '0/5000148'),
  name: targetField('A restore point made by pg_create_restore_point.', 'before-upgrade'),
  xid: targetField('The last transaction to keep.', '1234'),
});

export const bootstrapSection = z.strictObject({
  tool: field(z.enum(BACKUP_TOOLS).optional(), {
    about: 'The first data directory is restored from the newest backup of this tool that fits.',
    rule: `one of ${BACKUP_TOOLS.join(', ')}`,
    example: 'pgbackrest',
  }),
  target: field(targetSection.optional(), {
    about: 'Where its recovery ends; without it at the end of the archive.',
    rule: `a mapping with one of ${TARGET_KINDS.join(', ')}`,
    example: { time: '2026-11-26 12:00:00+00' },
  }),
  adopt: field(z.array(nameSchema(instanceName)).min(1).max(100).optional(), {
    about:
      'Instances whose data is taken over; PostgreSQL that runs there is restarted once, beneath our guard.',
    rule: `a list of names of instances: ${NAME_RULE}`,
    example: ['pg1', 'pg2'],
  }),
  initdbOptions: field(z.array(z.string().max(1_000)).max(20).default([]), {
    about: 'Options of initdb; UTF8, the locale C.UTF-8 and data checksums without any.',
    rule: OPTION_RULE,
    example: ['--locale=C.UTF-8'],
  }),
  sql: field(z.array(z.string().min(1).max(100_000)).max(100).default([]), {
    about: 'Statements for database postgres, run once before anybody can connect.',
    rule: 'a list of SQL statements',
    example: ['CREATE ROLE app LOGIN'],
  }),
});

export function resolveBootstrap(
  raw: z.output<typeof bootstrapSection>,
  resolution: Resolution,
): BootstrapPolicy {
  const { tool, target = {}, adopt, initdbOptions, sql } = raw;
  const given = TARGET_KINDS.flatMap((kind) => {
    const value = target[kind];
    return value === undefined ? [] : [{ kind, value }];
  });
  if (given.length > 1) {
    const names = given.map(({ kind }) => kind).join(' and ');
    resolution.refuse(['bootstrap', 'target'], `bootstrap.target has ${names}: one only`);
  }
  if (given.length > 0 && tool === undefined) {
    resolution.refuse(['bootstrap', 'target'], 'bootstrap.target needs bootstrap.tool');
  }
  const unknown = initdbOptions.find((option) => !INITDB_OPTION.test(option));
  if (unknown !== undefined) {
    const text = `bootstrap.initdbOptions has '${unknown}': it must be ${OPTION_RULE}`;
    resolution.refuse(['bootstrap', 'initdbOptions'], text);
  }
  if (tool !== undefined && initdbOptions.length > 0) {
    const text = 'bootstrap.initdbOptions: leave it out, a backup brings its own';
    resolution.refuse(['bootstrap', 'initdbOptions'], text);
  }
  if (adopt !== undefined && (tool !== undefined || initdbOptions.length > 0 || sql.length > 0)) {
    const text = 'bootstrap.adopt makes nothing: leave out tool, initdbOptions and sql';
    resolution.refuse(['bootstrap', 'adopt'], text);
  }
  const source = tool === undefined ? null : { tool, target: given[0] ?? null };
  return { source, initdbOptions, sql, ...(adopt === undefined ? {} : { adopt }) };
}
