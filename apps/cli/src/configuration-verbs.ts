import { type Command, Option } from 'commander';
import type { SetOptions, StoreOptions } from './commands/configuration.ts';
import { type Finish, runs, wholeNumber } from './verb.ts';

const CLUSTER = ['--cluster <cluster>', 'which one; not needed when there is only one'] as const;

type Revisions = readonly [from?: number, to?: number];
type OneRevision = readonly [number];
type Assignments = readonly [readonly string[]];

/** The configuration of a running cluster: revisions in the controllers' log. */
export function addConfigurationVerbs(config: Command, finish: Finish): void {
  config
    .command('show')
    .description('the configuration of a cluster, as YAML')
    .option(...CLUSTER)
    .option('--revision <number>', 'one of those before', wholeNumber)
    .action(
      runs<{ cluster?: string; revision?: number }>(finish, async (context, _none, options) =>
        (await import('./commands/configuration.ts')).showConfiguration(context, options),
      ),
    );
  config
    .command('history')
    .description('its revisions: when, by whom, why')
    .option(...CLUSTER)
    .action(
      runs<{ cluster?: string }>(finish, async (context, _none, options) =>
        (await import('./commands/configuration.ts')).configurationHistory(context, options),
      ),
    );
  config
    .command('diff')
    .description('what changed between two revisions; else with the present one')
    .argument('[from]', 'the older revision', wholeNumber)
    .argument('[to]', 'the newer revision', wholeNumber)
    .option(...CLUSTER)
    .action(
      runs<{ cluster?: string }, Revisions>(finish, async (context, [from, to], options) =>
        (await import('./commands/configuration.ts')).diffConfiguration(context, options, from, to),
      ),
    );
  addChanges(config, finish);
}

function addChanges(config: Command, finish: Finish): void {
  storing(config.command('set').description('set or take away parameters and settings'))
    .argument('[assignments...]', 'NAME=VALUE of PostgreSQL parameters')
    .option('--unset <name...>', 'take parameters away')
    .option('--setting <pair...>', 'KEY=VALUE: how the cluster is kept')
    .addOption(new Option('--role <role>', 'for this role only').choices(['primary', 'standby']))
    .option('--instance <instance>', 'for this instance only')
    .action(
      runs<SetOptions, Assignments>(finish, async (context, [assignments], options) =>
        (await import('./commands/configuration.ts')).setConfiguration(
          context,
          assignments,
          options,
        ),
      ),
    );
  storing(config.command('edit').description('change it in your editor')).action(
    runs<StoreOptions>(finish, async (context, _none, options) =>
      (await import('./commands/configuration.ts')).editConfiguration(context, options),
    ),
  );
  storing(config.command('rollback').description('make an older revision the present one'))
    .argument('<revision>', 'its number', wholeNumber)
    .action(
      runs<StoreOptions, OneRevision>(finish, async (context, [revision], options) =>
        (await import('./commands/configuration.ts')).rollBackConfiguration(
          context,
          revision,
          options,
        ),
      ),
    );
}

/** Every change is judged by the running PostgreSQL first, and recorded with its reason. */
function storing(command: Command): Command {
  return command
    .option(...CLUSTER)
    .option('--comment <text>', 'why; kept with the revision')
    .option('--dry-run', 'only say what PostgreSQL would take');
}
