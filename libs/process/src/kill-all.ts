import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '#libs/kernel';
import type { InstanceProcess, InstanceProcesses } from './instance-processes.ts';
import type { ProcessIdentity } from './proc-table.ts';

export type KillOutcome = {
  /** Distinct processes that were sent SIGKILL. */
  readonly killed: number;
  /** Still alive when `limitMs` was over (state D: the kernel ends them once their IO returns). */
  readonly left: readonly InstanceProcess[];
  readonly durationMs: number;
};

/** Pause between two passes: a killed process needs the kernel's time, not ours. */
const PASS_INTERVAL_MS = 2;

/**
 * SIGKILL to every process of the instance, again until none is left: a busy backend outlives its
 * postmaster and acknowledges commits (safety 1), and one may fork between two scans.
 */
export async function killAll(
  processes: InstanceProcesses,
  limits: { readonly limitMs: number },
): Promise<KillOutcome> {
  const startedMs = performance.now();
  const seen = new Set<string>();
  for (;;) {
    const left = killPass(processes);
    for (const target of left) seen.add(`${target.pid}:${target.startTicks}`);
    const durationMs = performance.now() - startedMs;
    if (left.length === 0 || durationMs >= limits.limitMs) {
      return { killed: seen.size, left, durationMs };
    }
    await delay(PASS_INTERVAL_MS);
  }
}

/** One pass of `killAll`, without a turn of the event loop; returns those it found alive. */
export function killPass(processes: InstanceProcesses): readonly InstanceProcess[] {
  const { processes: found } = processes.scan();
  for (const target of found) signalIfSame(processes, target, 'SIGKILL');
  return found;
}

/**
 * Signals a process only if it is still the one that was looked at: its pid may be another's by now.
 *
 * @returns false when it is dead or another one
 */
export function signalIfSame(
  processes: Pick<InstanceProcesses, 'startTicks'>,
  target: ProcessIdentity,
  signal: NodeJS.Signals,
): boolean {
  if (processes.startTicks(target.pid) !== target.startTicks) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}
