import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type * as z from 'zod';
import { codeOf, messageOf } from '#libs/kernel';
import { type AgentConfig, resolveAgent } from './agent-config.ts';
import { agentSchema } from './agent-schema.ts';
import { type ClusterFile, clusterSchema, resolveCluster } from './cluster-file.ts';
import { ConfigInvalidError, ConfigUnreadableError } from './config-error.ts';
import { type ControllerConfig, controllerSchema, resolveController } from './controller-config.ts';
import { explainIssue } from './explain-issue.ts';
import { Resolution } from './resolve.ts';
import { YamlSource } from './yaml-source.ts';

/** @throws ConfigUnreadableError, ConfigSyntaxError, ConfigInvalidError */
export function loadControllerConfig(path: string): ControllerConfig {
  return parseControllerConfig(readConfig(path), path);
}

/** @throws ConfigUnreadableError, ConfigSyntaxError, ConfigInvalidError */
export function loadAgentConfig(path: string): AgentConfig {
  return parseAgentConfig(readConfig(path), path);
}

/** @throws ConfigUnreadableError, ConfigSyntaxError, ConfigInvalidError */
export function loadClusterFile(path: string): ClusterFile {
  return parseClusterFile(readConfig(path), path);
}

/** `path` names the text in errors, and its directory is where relative paths start. */
export function parseControllerConfig(text: string, path: string): ControllerConfig {
  return parse(text, path, controllerSchema, resolveController);
}

export function parseAgentConfig(text: string, path: string): AgentConfig {
  return parse(text, path, agentSchema, resolveAgent);
}

export function parseClusterFile(text: string, path: string): ClusterFile {
  return parse(text, path, clusterSchema, resolveCluster);
}

function parse<Schema extends z.ZodType, Config>(
  text: string,
  path: string,
  schema: Schema,
  resolveRaw: (raw: z.output<Schema>, resolution: Resolution) => Config,
): Config {
  const source = new YamlSource(basename(path), text);
  const parsed = schema.safeParse(source.value);
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => explainIssue(issue, schema, source));
    throw new ConfigInvalidError(path, problems);
  }
  const resolution = new Resolution(path);
  const config = resolveRaw(parsed.data, resolution);
  if (resolution.problems.length === 0) return config;
  const problems = resolution.problems.map(
    ({ path: at, text: problem }) => `${source.file} line ${source.lineOf(at)}: ${problem}`,
  );
  throw new ConfigInvalidError(path, problems);
}

const CONFIG_MAX_BYTES = 1_048_576;

function readConfig(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > CONFIG_MAX_BYTES) {
      throw new ConfigUnreadableError(
        path,
        `it has ${size} bytes, at most ${CONFIG_MAX_BYTES} are read`,
      );
    }
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof ConfigUnreadableError) throw cause;
    throw new ConfigUnreadableError(path, reasonOf(cause), { cause });
  }
}

/** In words, for the errors that people meet. */
export function reasonOf(cause: unknown): string {
  switch (codeOf(cause)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return messageOf(cause);
  }
}
