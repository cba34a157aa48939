import { readFileSync } from 'node:fs';
import {
  CONFIG_KINDS,
  ConfigInvalidError,
  type ConfigKind,
  ConfigSyntaxError,
  ConfigUnreadableError,
  configExample,
  loadAgentConfig,
  loadClusterFile,
  loadControllerConfig,
  readTlsFiles,
  TlsFileError,
} from '#libs/config';
import { unreachable } from '#libs/kernel';
import { EXIT, type Outcome } from '../outcome.ts';

export { CONFIG_KINDS };

export function exampleConfig(kind: ConfigKind): Outcome {
  const text = configExample(kind);
  return { exitCode: EXIT.held, text: text.trimEnd(), result: { kind, text } };
}

/** @throws ConfigUnreadableError; what is wrong in the file is the outcome */
export function checkConfig(file: string, named: ConfigKind | undefined): Outcome {
  const kind = named ?? kindOf(file);
  try {
    load(kind, file);
    const text = `${file} is a valid ${kind} configuration, and the files it names are there`;
    return { exitCode: EXIT.held, text, result: { valid: true, kind, problems: [] } };
  } catch (error) {
    const problems = problemsOf(error);
    if (problems === null) throw error;
    return {
      exitCode: EXIT.notHeld,
      text: problems.join('\n'),
      result: { valid: false, kind, problems },
    };
  }
}

function load(kind: ConfigKind, file: string): void {
  switch (kind) {
    case 'controller':
      readTlsFiles(loadControllerConfig(file).tls);
      return;
    case 'agent': {
      const { tls, guardTls } = loadAgentConfig(file);
      readTlsFiles(tls);
      readTlsFiles(guardTls);
      return;
    }
    case 'cluster':
      loadClusterFile(file);
      return;
    default:
      unreachable(kind);
  }
}

function problemsOf(error: unknown): string[] | null {
  if (error instanceof ConfigInvalidError || error instanceof ConfigSyntaxError) {
    return [...error.problems];
  }
  return error instanceof TlsFileError ? [error.message] : null;
}

/** By the keys that only one of them has. */
function kindOf(file: string): ConfigKind {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigUnreadableError(file, 'it cannot be opened', { cause });
  }
  if (/^(superuser|replication|rewind):/m.test(text)) return 'cluster';
  return /^(instance|postgres|guard):/m.test(text) ? 'agent' : 'controller';
}
