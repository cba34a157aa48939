import { join } from 'node:path';
import type { BackupSite } from './backup-site.ts';
import type { RigOptions } from './rebuild-rig.ts';

/** Each host has a pgBackRest configuration of its own, by its name. */
export const repositoryConfig: NonNullable<RigOptions['config']> = (directory, name) => ({
  backup: { pgbackrest: { stanza: 'main', config: join(directory, `${name}.conf`) } },
});

/** The hosts of `site` use this repository of pgBackRest, which may be that of another one. */
export function shareRepository(site: BackupSite, repository: string): void {
  for (const { name, dataDirectory, port, directory } of site.hosts) {
    const own = site.owned(`pgbackrest-${name}`);
    const paths = `log-path=${own}\nlock-path=${own}\nspool-path=${own}`;
    site.write(
      `${name}.conf`,
      `[global]\nrepo1-path=${repository}\n${paths}\nstart-fast=y\n` +
        `[main]\npg1-path=${dataDirectory}\npg1-port=${port}\npg1-socket-path=${directory}\n`,
    );
  }
}
