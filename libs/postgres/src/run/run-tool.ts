import { type RunOptions, type RunResult, run, withoutConnection } from '#libs/process';
import type { Installation } from './installation.ts';

/**
 * Runs a program of the installation as its user, with untranslated messages. It ends with this process:
 * a copy that nobody waits for would write into the directory of the next one.
 */
export function runTool(
  installation: Pick<Installation, 'runAs'>,
  argv: readonly string[],
  options: RunOptions & {
    readonly secrets?: ToolSecrets;
    /** Beside our own variables. */
    readonly environment?: Readonly<Record<string, string>>;
  },
): Promise<RunResult> {
  const { secrets, environment, ...rest } = options;
  const { runAs } = installation;
  return run(argv, {
    ...rest,
    endsWithUs: true,
    env: {
      ...withoutConnection(process.env),
      LC_ALL: 'C',
      ...environment,
      ...environmentOf(secrets),
    },
    ...(runAs === undefined ? {} : { runAs }),
  });
}

/** Go through the environment: an argv can be read by every user of the host. */
export type ToolSecrets = {
  readonly password?: string;
  readonly passwordFile?: string;
};

function environmentOf(secrets: ToolSecrets | undefined): NodeJS.ProcessEnv {
  return {
    ...(secrets?.password === undefined ? {} : { PGPASSWORD: secrets.password }),
    ...(secrets?.passwordFile === undefined ? {} : { PGPASSFILE: secrets.passwordFile }),
  };
}
