import { Command, Option } from 'commander';
import { addClusterVerbs } from './cluster-verbs.ts';
import { addControllerVerbs } from './controller-verbs.ts';
import { addDisasterVerbs, addLogVerbs } from './disaster-verbs.ts';
import { addSetupVerbs } from './setup-verbs.ts';
import type { Finish } from './verb.ts';

const PROCESSES = `
Processes:
  matriarch controller --config FILE  one of 3, 5 or 7 controllers; at the first start of a group
                                      --found-without NAME: do not wait for that founder
  matriarch agent --config FILE       beside each PostgreSQL instance; starts its guard
  matriarch guard --config FILE       the guard alone, with the agent's file
  matriarch guard --self-test         whether the kernel ends PostgreSQL with its guard, here
  matriarch guard --mask --config FILE    as root: no unit of the distribution starts PostgreSQL there
  matriarch guard --unmask --config FILE  as root: the way back, for a host without Matriarch
  matriarch demo                      everything on this machine, with a menu of faults

Exit status: 0 what was asked for holds, 1 it does not, 2 it could not be tried; 130 after Ctrl-C, which
ends the watching and not what was ordered: the last line says what goes on.`;

/** The verbs. Each loads its own code when it is called, so that the others cost nothing. */
export function buildProgram(finish: Finish): Command {
  const program = new Command('matriarch')
    .description('Keeps PostgreSQL clusters available.')
    .helpCommand('help [verb]', 'show what a verb takes')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', PROCESSES);
  addGlobalOptions(program);
  addClusterVerbs(program, finish);
  addSetupVerbs(program, finish);
  const controllers = controllersGroup(program);
  addControllerVerbs(controllers, finish);
  addDisasterVerbs(controllers, finish);
  addLogVerbs(program, finish);
  return program;
}

function addGlobalOptions(program: Command): void {
  const formats = ['table', 'json', 'yaml'];
  const output = new Option('-o, --output <format>', 'form of the result').choices(formats);
  program
    .option('--api <urls>', 'controllers to ask, separated by commas (MATRIARCH_API)')
    .option('--certs <directory>', 'directory with ca.crt and an operator certificate')
    .option('--cert <file>', 'operator certificate (MATRIARCH_CERT)')
    .option('--key <file>', 'its private key (MATRIARCH_KEY)')
    .option('--ca <file>', 'certificate authority (MATRIARCH_CA)')
    .addOption(output.default('table'))
    .addOption(new Option('--json', 'the same as --output json').implies({ output: 'json' }));
}

/** One group of verbs, whoever adds to it first. */
function controllersGroup(program: Command): Command {
  const known = program.commands.find((command) => command.name() === 'controllers');
  return known ?? program.command('controllers').description('the controllers themselves');
}
