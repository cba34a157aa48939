import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DomainError } from '#libs/kernel';
import type { ControllerPlan, HostPlan, InstancePlan } from './plan.ts';
import { programsFor } from './programs.ts';

class NotBuiltError extends DomainError {
  readonly code = 'NOT_BUILT';

  constructor(path: string) {
    super(`${path} is missing: build first (make build)`);
  }
}

/** As in bin/matriarch, and for the same reasons. */
const HEAP = {
  controller: [
    '--heap-growing-percent=60',
    '--max-semi-space-size=4',
    '--no-parallel-scavenge',
    '--no-concurrent-array-buffer-sweeping',
    '--concurrent-marking-max-worker-num=1',
    '--no-allocation-site-pretenuring',
  ],
  agent: ['--optimize-for-size', '--max-semi-space-size=1', '--no-opt'],
} as const;

export function controllerArgv(plan: ControllerPlan): string[] {
  const memory = ['env', 'MALLOC_ARENA_MAX=2'];
  const node = nodeArgv('controller');
  return [...inNamespace(plan.host), ...memory, ...node, '--config', plan.configFile];
}

export function agentArgv(plan: InstancePlan, demoDirectory: string): string[] {
  const node = nodeArgv('agent', programsFor(compiledDirectory(), demoDirectory));
  return [...inNamespace(plan.host), ...node, '--config', plan.configFile];
}

/** nsenter changes the network alone and becomes the program: the pid stays. */
function inNamespace(host: HostPlan): string[] {
  return host.namespace === null ? [] : ['nsenter', `--net=/run/netns/${host.namespace}`];
}

function nodeArgv(app: 'controller' | 'agent', compiled = compiledDirectory()): string[] {
  const main = join(compiled, 'apps', app, 'src', 'main.js');
  if (!existsSync(main)) throw new NotBuiltError(main);
  return [process.execPath, ...HEAP[app], main];
}

/** As in bin/matriarch: the joined files, unless a plain `tsc` after them left them stale. */
function compiledDirectory(): string {
  const dist = join(installationRoot(), 'dist');
  const bundledMs = modifiedMs(join(dist, 'bundle', '.bundled')) ?? -1;
  const compiledMs = modifiedMs(join(dist, 'build.tsbuildinfo')) ?? 0;
  return bundledMs >= compiledMs ? join(dist, 'bundle') : dist;
}

function modifiedMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** The directory of package.json, above this file whether it runs compiled or as source. */
function installationRoot(): string {
  let directory = import.meta.dirname;
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}
