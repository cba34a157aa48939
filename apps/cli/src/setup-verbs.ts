import { Argument, type Command, Option } from 'commander';
import type { ConfigKind } from '#libs/config';
import type { IssueOptions } from './commands/certs.ts';
import { addConfigurationVerbs } from './configuration-verbs.ts';
import { type Finish, runs } from './verb.ts';

const KINDS: ConfigKind[] = ['controller', 'agent', 'cluster'];
const ROLES: IssueOptions['role'][] = ['controller', 'agent', 'guard', 'operator'];

/** What is done on this machine alone. */
export function addSetupVerbs(program: Command, finish: Finish): void {
  addCerts(program.command('certs').description('certificates of the processes'), finish);
  const config = program.command('config').description('configuration of clusters, and files');
  addConfig(config, finish);
  addConfigurationVerbs(config, finish);
  program
    .command('guard-settings', { hidden: true })
    .requiredOption('--config <file>', "the agent's configuration")
    .action(
      runs<{ config: string }>(finish, async (_context, _none, { config }) =>
        (await import('./commands/guard-settings.ts')).writeGuardSettings(config),
      ),
    );
  program
    .command('guard-self-test', { hidden: true })
    .option('--config <file>', "the agent's configuration")
    .action(
      runs<{ config?: string }>(finish, async (_context, _none, { config }) =>
        (await import('./commands/guard-self-test.ts')).guardSelfTest(config),
      ),
    );
  for (const verb of ['mask', 'unmask'] as const) {
    program
      .command(`guard-${verb}`, { hidden: true })
      .requiredOption('--config <file>', "the agent's configuration")
      .action(
        runs<{ config: string }>(finish, async (_context, _none, { config }) => {
          const { maskUnits, unmaskUnits } = await import('./commands/guard-mask.ts');
          return await (verb === 'mask' ? maskUnits : unmaskUnits)(config);
        }),
      );
  }
  program
    .command('version')
    .description('which version this is')
    .action(runs(finish, async () => (await import('./commands/version.ts')).version()));
}

function addCerts(certs: Command, finish: Finish): void {
  certs
    .command('init')
    .description('make the certificate authority of a group of controllers')
    .requiredOption('--directory <directory>', 'where ca.crt and ca.key go')
    .action(
      runs<{ directory: string }>(finish, async (_context, _none, { directory }) =>
        (await import('./commands/certs.ts')).initAuthority(directory),
      ),
    );
  certs
    .command('issue')
    .description('make a certificate for one process or person')
    .requiredOption('--directory <directory>', 'the directory of the authority')
    .addOption(
      new Option('--role <role>', 'what it speaks for').choices(ROLES).makeOptionMandatory(),
    )
    .requiredOption('--name <name>', 'its name; CLUSTER/INSTANCE for agents and guards')
    .option('--host <host...>', 'host names and addresses, for other tools', [])
    .option('--into <directory>', 'where the files go; else beside the authority')
    .action(
      runs<IssueOptions>(finish, async (_context, _none, options) =>
        (await import('./commands/certs.ts')).issue(options),
      ),
    );
}

function addConfig(config: Command, finish: Finish): void {
  config
    .command('example')
    .description('a commented file with every key')
    .addArgument(new Argument('<kind>', 'of which process').choices(KINDS))
    .action(
      runs(finish, async (_context, [kind]) =>
        (await import('./commands/config.ts')).exampleConfig(kind as ConfigKind),
      ),
    );
  config
    .command('check <file>')
    .description('read a file as the program would, and say what is wrong')
    .addOption(new Option('--kind <kind>', 'instead of telling by its keys').choices(KINDS))
    .action(
      runs<{ kind?: ConfigKind }>(finish, async (_context, [file = ''], { kind }) =>
        (await import('./commands/config.ts')).checkConfig(file, kind),
      ),
    );
}
