import { existsSync } from 'node:fs';
import { run } from '#libs/process';
import type { HostPlan } from '../../apps/cli/src/demo/plan.ts';
import { signalAll } from './signal-all.ts';

const COMMAND_TIMEOUT_MS = 10_000;

export async function ip(...argv: string[]): ReturnType<typeof run> {
  return await run(['ip', ...argv], { timeoutMs: COMMAND_TIMEOUT_MS });
}

/** What a command line begins with that runs on this host; mounts and cgroups stay ours. */
export function inNetworkOf({ namespace }: HostPlan): string[] {
  return namespace === null ? [] : ['nsenter', `--net=/run/netns/${namespace}`];
}

/** Again and again, for a process may have started another one meanwhile. */
export async function killEverythingIn(namespace: string): Promise<void> {
  for (;;) {
    const { stdout } = await ip('netns', 'pids', namespace);
    const pids = stdout.split('\n').filter((line) => line !== '');
    if (pids.length === 0) return;
    signalAll(pids.map(Number), 'SIGKILL');
  }
}

/** With everything that runs in them; those that were never made are no fault. */
export async function removeNamespaces(namespaces: readonly string[]): Promise<void> {
  for (const namespace of namespaces) {
    if (!existsSync(`/run/netns/${namespace}`)) continue;
    await killEverythingIn(namespace);
    await ip('netns', 'del', namespace);
  }
}
