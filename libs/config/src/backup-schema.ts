import * as z from 'zod';
import type { BackupSettings, BarmanApiSettings } from '#libs/backup';
import { field, HOST_RULE, hostSchema, pathSchema } from './field.ts';
import type { Resolution } from './resolve.ts';
import { PATH_RULE, pathField } from './shared-fields.ts';

const argv = z.array(z.string().min(1).max(4_096)).min(1).max(100);
const ARGV_RULE = 'a list: the program and its arguments, without a shell';

function program(about: string, name: string) {
  const rule = 'the name or path of a program';
  return field(z.string().min(1).default(name), { about, rule, example: name });
}

const NAME = z.string().regex(/^[\w.-]{1,100}$/);
const NAME_TEXT = 'a name of 1 to 100 letters, digits and _.-';

function name(about: string, example: string) {
  return field(NAME, { about, rule: NAME_TEXT, example });
}

function choice(about: string, byDefault: string) {
  return field(NAME.default(byDefault), { about, rule: NAME_TEXT, example: byDefault });
}

function command(about: string, example: readonly string[]) {
  return field(argv.optional(), { about, rule: ARGV_RULE, example });
}

function section<Schema extends z.ZodType>(schema: Schema, about: string) {
  return field(schema.optional(), { about, rule: 'a mapping of settings', example: null });
}

const pgbackrest = z.strictObject({
  program: program('pgBackRest itself.', 'pgbackrest'),
  stanza: name('Name of the stanza.', 'main'),
  config: field(z.string().startsWith('/').optional(), {
    about: "Its configuration file; by default pgBackRest's own.",
    rule: 'an absolute path: pgBackRest takes no other',
    example: '/etc/pgbackrest.conf',
  }),
  repository: field(z.int().min(1).max(256).optional(), {
    about: 'Number of the repository to restore from; by default the first that has the backup.',
    rule: 'a whole number from 1 to 256',
    example: 1,
  }),
  processes: field(z.int().min(1).max(999).optional(), {
    about: 'Processes that restore in parallel; by default as its own file says.',
    rule: 'a whole number from 1 to 999',
    example: 4,
  }),
});

const API_URL_RULE = 'an http or https URL, as in https://backup1:7480';

const barmanApi = z.strictObject({
  url: field(
    z.string().refine((text) => /^https?:\/\/[^\s?#@]+$/.test(text) && URL.canParse(text)),
    { about: 'Where it answers.', rule: API_URL_RULE, example: 'https://backup1:7480' },
  ),
  ca: field(pathSchema.optional(), {
    about: 'The authority of its certificate (PEM); by default those that this host trusts.',
    rule: PATH_RULE,
    example: 'tls/barman-ca.crt',
  }),
  certificate: field(pathSchema.optional(), {
    about: 'Our certificate (PEM), where it asks for one.',
    rule: PATH_RULE,
    example: 'tls/barman-client.crt',
  }),
  key: field(pathSchema.optional(), {
    about: 'Its private key (PEM).',
    rule: PATH_RULE,
    example: 'tls/barman-client.key',
  }),
});

const barman = z.strictObject({
  server: name("Name of the server in Barman's configuration.", 'main'),
  host: field(hostSchema.optional(), {
    about: 'The Barman host; left out where Barman is on this one.',
    rule: HOST_RULE,
    example: '10.0.0.21',
  }),
  user: field(z.string().min(1).max(64).default('barman'), {
    about: 'User on the Barman host.',
    rule: 'the name of a user',
    example: 'barman',
  }),
  ssh: field(argv.default(['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5']), {
    about: 'How the Barman host is reached; user and host are added.',
    rule: ARGV_RULE,
    example: ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5'],
  }),
  remoteSshCommand: field(z.string().min(1).max(1_000).optional(), {
    about: 'How the Barman host reaches this one, as the user that runs PostgreSQL.',
    rule: 'a command line, as in: ssh postgres@10.0.0.11',
    example: 'ssh postgres@10.0.0.11',
  }),
  program: field(argv.default(['barman']), {
    about: 'What to run on the Barman host.',
    rule: ARGV_RULE,
    example: ['barman'],
  }),
  walRestoreProgram: program('Fetches WAL (package barman-cli).', 'barman-wal-restore'),
  walArchiveProgram: program('Archives WAL (package barman-cli).', 'barman-wal-archive'),
  backup: choice('Which backup: latest, oldest, or an id.', 'latest'),
  api: section(barmanApi, "Barman's REST API, pg-backup-api: it restores in place of the program."),
});

const walg = z.strictObject({
  program: program('WAL-G itself.', 'wal-g'),
  environmentFile: pathField(
    'Lines NAME=value: where backups are, and the keys.',
    '/etc/wal-g.env',
  ),
  backup: choice('Which backup: LATEST or a name.', 'LATEST'),
});

const custom = z.strictObject({
  restore: command('Fills MATRIARCH_DATA_DIRECTORY.', ['/usr/local/bin/restore-standby']),
  check: command('Ends with 0 when that would work.', [
    '/usr/local/bin/restore-standby',
    '--check',
  ]),
  fetchWal: command('As restore_command, with %f and %p.', ['/usr/local/bin/wal-get', '%f', '%p']),
  archiveWal: command('As archive_command, with %p.', ['/usr/local/bin/wal-put', '%p']),
});

/** Which backup tools this host can use. A tool adds its variant here. */
export const backupSchema = z.strictObject({
  pgbackrest: section(pgbackrest, 'pgBackRest on this host.'),
  barman: section(barman, 'A Barman server.'),
  walg: section(walg, 'WAL-G on this host.'),
  custom: section(custom, 'Programs of your own.'),
});

export function resolveBackup(
  raw: z.output<typeof backupSchema>,
  resolution: Resolution,
): BackupSettings {
  const { pgbackrest: p, barman: b, walg: w, custom: c } = raw;
  const pushes = b?.host !== undefined || b?.api !== undefined;
  if (pushes && b?.remoteSshCommand === undefined) {
    resolution.refuse(
      ['backup', 'barman', 'remoteSshCommand'],
      'backup.barman.remoteSshCommand is missing: Barman pushes backups over SSH, so say how its ' +
        'host reaches this one, as in: ssh postgres@db1',
    );
  }
  return {
    pgbackrest:
      p === undefined
        ? null
        : {
            ...p,
            config: p.config ?? null,
            repository: p.repository ?? null,
            processes: p.processes ?? null,
          },
    barman:
      b === undefined
        ? null
        : {
            ...b,
            host: b.host ?? null,
            remoteSshCommand: b.remoteSshCommand ?? null,
            api: b.api === undefined ? null : resolveBarmanApi(b.api, b.host, resolution),
          },
    walg: w === undefined ? null : { ...w, environmentFile: resolution.path(w.environmentFile) },
    custom:
      c === undefined
        ? null
        : {
            restore: c.restore ?? null,
            check: c.check ?? null,
            fetchWal: c.fetchWal ?? null,
            archiveWal: c.archiveWal ?? null,
          },
  };
}

/** Addresses of this host: WAL is fetched here then, too. */
const HERE = ['localhost', '127.0.0.1', '[::1]'];

function resolveBarmanApi(
  { url, ca, certificate, key }: z.output<typeof barmanApi>,
  host: string | undefined,
  resolution: Resolution,
): BarmanApiSettings {
  const at = ['backup', 'barman', 'api'];
  const { protocol, hostname } = new URL(url);
  if (host === undefined && !HERE.includes(hostname)) {
    resolution.refuse(
      ['backup', 'barman', 'host'],
      `backup.barman.host is missing: backup.barman.api.url is on ${hostname}, and WAL is fetched from ` +
        `there by barman-wal-restore over SSH; say how that is reached, as in: host: ${hostname}`,
    );
  }
  if ((certificate === undefined) !== (key === undefined)) {
    const [absent, present] = key === undefined ? ['key', 'certificate'] : ['certificate', 'key'];
    resolution.refuse(
      [...at, absent],
      `backup.barman.api.${absent} is missing: it goes with backup.barman.api.${present}; give both, or neither`,
    );
  }
  if (protocol === 'http:' && [ca, certificate, key].some((file) => file !== undefined)) {
    resolution.refuse(
      [...at, 'url'],
      `backup.barman.api.url is '${url}', and ca, certificate and key are for https: write https://, or leave them out`,
    );
  }
  const both = certificate !== undefined && key !== undefined;
  return {
    url,
    ca: ca === undefined ? null : resolution.path(ca),
    client: both ? { certificate: resolution.path(certificate), key: resolution.path(key) } : null,
  };
}

export const tablespacesField = field(
  z.record(z.string().startsWith('/'), z.string().startsWith('/')).default({}),
  {
    about: "Where tablespaces lie on this host, by their location on the primary's; else the same.",
    rule: 'a mapping from absolute path to absolute path',
    example: {},
  },
);

export const walDirectoryField = field(z.string().min(1).optional(), {
  about: 'Where pg_wal lies, for a data directory that is made anew; by default within it.',
  rule: PATH_RULE,
  example: '/srv/wal/15/main',
});
