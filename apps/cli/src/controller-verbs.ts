import type { Command } from 'commander';
import type { ReplaceOptions } from './commands/controllers.ts';
import { type Finish, runs, seconds } from './verb.ts';

/** Who the controllers are, and changes of that. */
export function addControllerVerbs(controllers: Command, finish: Finish): void {
  controllers
    .command('list')
    .description('members, how far each holds the log, and how its disk is')
    .action(
      runs(finish, async (context) =>
        (await import('./commands/controllers.ts')).listControllers(context),
      ),
    );
  controllers
    .command('add <name>')
    .description(
      'let in a controller that waits at its address; it is a voter once it holds the log',
    )
    .requiredOption('--address <host:port>', 'where it listens, as in 10.0.0.4:7400')
    .action(
      runs<{ address: string }>(finish, async (context, [name = ''], { address }) =>
        (await import('./commands/controllers.ts')).addController(context, name, address),
      ),
    );
  controllers
    .command('remove <name>')
    .description('take a controller out; one that leads hands over first')
    .action(
      runs(finish, async (context, [name = '']) =>
        (await import('./commands/controllers.ts')).removeController(context, name),
      ),
    );
  controllers
    .command('replace <name>')
    .description('put another controller in the place of this one, in one change')
    .requiredOption('--by <name>', 'the new one')
    .option('--address <host:port>', 'where the new one listens, when it is no member yet')
    .option('--wait <seconds>', 'give up waiting after this long (default: 120)', seconds)
    .action(
      runs<ReplaceOptions>(finish, async (context, [name = ''], options) =>
        (await import('./commands/controllers.ts')).replaceController(context, name, options),
      ),
    );
  controllers
    .command('transfer-leader [name]')
    .description('make another controller lead; without a name the one that is best placed')
    .action(
      runs(finish, async (context, [name]) =>
        (await import('./commands/controllers.ts')).transferLeader(context, name),
      ),
    );
}
