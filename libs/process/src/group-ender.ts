import type { ChildProcess } from 'node:child_process';
import { codeOf } from '#libs/kernel';

/** SIGTERM to the group, then SIGKILL: a tool's own children must not outlive it. */
export class GroupEnder {
  #killTimer: NodeJS.Timeout | undefined;

  constructor(
    readonly child: ChildProcess,
    readonly killGraceMs: number,
  ) {}

  end(): void {
    this.#signal('SIGTERM');
    this.#killTimer ??= setTimeout(() => this.#signal('SIGKILL'), this.killGraceMs);
  }

  stop(): void {
    clearTimeout(this.#killTimer);
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }
}
