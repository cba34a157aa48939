import { parseArgs } from 'node:util';
import { type ControllerConfig, loadControllerConfig } from '#libs/config';
import { codeOf, messageOf } from '#libs/kernel';
import { createLogger } from '#libs/observability';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { startController } from './start-controller.ts';
import { startProblem } from './start-problem.ts';

/** After this the process ends whatever still waits. */
const CLOSE_LIMIT_MS = 1_800;

const USAGE = `Usage: matriarch controller --config FILE [--found-without NAME]

One of 1, 3, 5 or 7 controllers. It stays in the foreground and logs one line of JSON for each thing that happens.

  --config FILE         its configuration: \`matriarch config example controller\` prints one with every key
  --found-without NAME  at the first start of a group only: do not wait for that founder, which never ran
                        or is lost for good
`;

async function main(): Promise<void> {
  const { config, foundWithout } = loadConfig();
  const { name, logLevel: level } = config;
  const log = createLogger({ process: 'controller', level, fields: { controller: name } });
  const onFatal = (error: unknown): void => {
    log.fatal('the controller ends: nothing may follow this', { error });
    process.exit(EXIT.fatal);
  };
  process.on('uncaughtException', onFatal);
  process.on('unhandledRejection', onFatal);
  let removed = false;
  let exitCode = 0;
  let close: ((why: string) => void) | null = null;
  const onRemoved = (error: Error): void => {
    removed = true;
    exitCode = exitCodeOf(error);
    log.warn('controller removed', { code: codeOf(error), why: messageOf(error) });
    close?.('removed');
  };
  const running = await startController({ config, foundWithout, log, onFatal, onRemoved }).catch(
    (error: unknown) => badStart(startProblem(error, config), exitCodeOf(error)),
  );
  let closing = false;
  close = (signal: string): void => {
    if (closing) return;
    closing = true;
    log.info('stopping', { signal });
    setTimeout(() => process.exit(exitCode), CLOSE_LIMIT_MS).unref();
    running.close().then(() => process.exit(exitCode), onFatal);
  };
  process.on('SIGTERM', close);
  process.on('SIGINT', close);
  if (removed) close('removed');
}

type Started = { readonly config: ControllerConfig; readonly foundWithout: readonly string[] };

function loadConfig(): Started {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string' },
        'found-without': { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    if (values.config === undefined) badStart('which configuration? Use --config FILE');
    const config = loadControllerConfig(values.config);
    return { config, foundWithout: otherFounders(config, values['found-without'] ?? []) };
  } catch (error) {
    return badStart(messageOf(error));
  }
}

/** Names of `--found-without`: given once with commas, or several times. */
function otherFounders({ name, controllers }: ControllerConfig, given: string[]): string[] {
  const names = given.flatMap((text) => text.split(',')).map((text) => text.trim());
  const others = controllers.map((founder) => String(founder.name)).filter((one) => one !== name);
  const wrong = names.filter((one) => !others.includes(one));
  if (wrong.length === 0) return names;
  return badStart(
    `--found-without ${wrong.join(',')}: it takes founders that are gone for good, other than this one; the ` +
      `file of '${name}' lists ${others.join(', ') || 'no other'}`,
  );
}

function badStart(problem: string, exitCode: number = EXIT.badStart): never {
  for (const line of problem.split('\n')) process.stderr.write(`matriarch controller: ${line}\n`);
  process.exit(exitCode);
}

await main();
