import type { Command } from 'commander';
import type { ForceOptions } from './commands/force-new-cluster.ts';
import type { DumpOptions } from './commands/log-dump.ts';
import type { RestoreOptions } from './commands/restore.ts';
import { type Finish, runs, wholeNumber } from './verb.ts';

/** For the worst day: beside `backup` all of it works on the directory of a stopped controller. */
export function addDisasterVerbs(controllers: Command, finish: Finish): void {
  controllers
    .command('backup <file>')
    .description('write the state of the controllers into a file')
    .action(
      runs(finish, async (context, [file = '']) =>
        (await import('./commands/backup.ts')).backup(context, file),
      ),
    );
  controllers
    .command('restore <file>')
    .description('make a group of one controller out of a backup; all clusters start paused')
    .requiredOption('--directory <directory>', 'its state directory, empty or not there yet')
    .requiredOption('--name <name>', 'its name')
    .requiredOption('--address <host:port>', 'where it listens for the others')
    .option('--new-cluster-id [id]', 'of another group: certificates of the old one are not taken')
    .action(
      runs<RestoreOptions>(finish, async (context, [file = ''], options) =>
        (await import('./commands/restore.ts')).restore(context, file, options),
      ),
    );
  controllers
    .command('force-new-cluster')
    .description('the quorum is lost for good: go on with this one; all clusters start paused')
    .requiredOption('--directory <directory>', 'state directory of the stopped survivor')
    .option('--address <host:port>', 'where it listens from now on; else as before')
    .action(
      runs<ForceOptions>(finish, async (context, _none, options) =>
        (await import('./commands/force-new-cluster.ts')).forceNewCluster(context, options),
      ),
    );
}

export function addLogVerbs(program: Command, finish: Finish): void {
  const log = program.command('log').description('the log of a stopped controller');
  log
    .command('dump')
    .description('its entries, decoded')
    .requiredOption('--directory <directory>', 'state directory of the controller')
    .option('--from <index>', 'first entry', wholeNumber)
    .option('--to <index>', 'last entry', wholeNumber)
    .action(
      runs<DumpOptions>(finish, async (context, _none, options) =>
        (await import('./commands/log-dump.ts')).logDump(context, options),
      ),
    );
  log
    .command('verify')
    .description('all checks of a start, without changing anything')
    .requiredOption('--directory <directory>', 'state directory of the controller')
    .action(
      runs<{ directory: string }>(finish, async (_context, _none, { directory }) =>
        (await import('./commands/log-verify.ts')).logVerify(directory),
      ),
    );
}
