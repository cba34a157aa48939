import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import type { BackupSite } from './backup-site.ts';
import type { RebuildRig } from './rebuild-rig.ts';

/** What is built lies in `dist`, scripts do not. */
const SOURCES = import.meta.dirname.replace('/dist/', '/');

/** A pgBackRest repository, a storage of WAL-G's stand-in and a program of one's own, beside the instances of a rig. */
export const localTools = {
  /** Of the agents' files. */
  config: (directory: string, name: string): Record<string, unknown> => ({
    backup: {
      pgbackrest: { stanza: 'main', config: join(directory, `pgbackrest-${name}.conf`) },
      walg: { program: join(directory, 'wal-g'), environmentFile: join(directory, 'wal-g.env') },
      custom: {
        restore: ['/bin/sh', join(directory, 'restore')],
        check: ['/bin/sh', '-c', 'echo bytes=1000'],
      },
    },
  }),

  /** What the agents' files name; before they start. */
  prepare(rig: BackupSite): void {
    const repository = rig.owned('repository');
    for (const { name, dataDirectory, port, directory } of rig.hosts) {
      const own = rig.owned(`pgbackrest-${name}`);
      rig.write(
        `pgbackrest-${name}.conf`,
        `[global]\nrepo1-path=${repository}\nlog-path=${own}\nlock-path=${own}\nspool-path=${own}\n` +
          'start-fast=y\nrepo1-retention-full=2\ncompress-level=1\n' +
          `[main]\npg1-path=${dataDirectory}\npg1-port=${port}\npg1-socket-path=${directory}\n`,
      );
    }
    copyFileSync(join(SOURCES, 'wal-g-stand-in'), join(rig.directory, 'wal-g'));
    rig.write(
      'wal-g.env',
      `WALG_FILE_PREFIX=${rig.owned('walg')}\nPATH=${POSTGRES_BIN}:/usr/bin:/bin\n`,
    );
    rig.write(
      'restore',
      `[ -e ${join(rig.directory, 'slow')} ] && limit=--max-rate=32\n` +
        `${POSTGRES_BIN}/pg_basebackup -d "$MATRIARCH_SOURCE" -D "$MATRIARCH_DATA_DIRECTORY" ` +
        '-c fast -X none $limit || exit\n',
    );
  },
};

/** One of pgBackRest and one of WAL-G, of the primary. */
export async function makeBackups(rig: RebuildRig): Promise<void> {
  const { name } = rig.primary;
  const config = join(rig.directory, `pgbackrest-${name}.conf`);
  const pgbackrest = ['pgbackrest', `--config=${config}`, '--stanza=main'];
  await rig.asPostgres([...pgbackrest, 'stanza-create']);
  await rig.asPostgres([...pgbackrest, 'backup', '--type=full']);
  await pushByWalG(rig);
}

/** Of the primary, into the storage of the stand-in. */
export async function pushByWalG(rig: RebuildRig): Promise<void> {
  const { dataDirectory, directory, port } = rig.primary;
  await rig.asPostgres([join(rig.directory, 'wal-g'), 'backup-push', dataDirectory], {
    WALG_FILE_PREFIX: join(rig.directory, 'walg'),
    PGHOST: directory,
    PGPORT: String(port),
  });
}
