import type { InstanceFiles, LastWorkers, PostmasterProcess } from '#libs/guarding';
import type { PostmasterState } from '#libs/protocol';
import type { GuardLife } from './sim-guard.ts';
import type { SimNode } from './sim-node.ts';
import { endOf } from './wal.ts';

const READY_POLL_MS = 20;
const DOWN_POLL_MS = 4;

/** What the guard's own process class does with the kernel, here with the simulated processes. */
export class SimPostmaster implements PostmasterProcess {
  state: PostmasterState = 'down';
  readonly lastExit = null;
  #clearing = false;
  #waiters: (() => void)[] = [];
  #killTimer = 0;

  constructor(
    readonly life: GuardLife,
    readonly onChange: () => void,
  ) {}

  start(): boolean {
    const { node, process } = this.life;
    node.postgres.spawn(() => process.deliver(() => this.#exited()));
    this.#become('starting');
    this.#watchUntilReady(node.postgres.run);
    return true;
  }

  stopFast(): void {
    if (this.state === 'down') return;
    this.#become('stopping');
    this.life.node.postgres.stopFast();
  }

  stopImmediate(graceMs: number): void {
    if (this.state === 'down') return;
    this.#become('stopping');
    if (graceMs <= 0) {
      this.#clearThenDown();
      return;
    }
    this.life.node.postgres.quit();
    this.#killTimer += 1;
    const timer = this.#killTimer;
    this.life.process.after(graceMs, () => {
      if (timer === this.#killTimer && this.state !== 'down') this.#clearThenDown();
    });
  }

  whenDown(): Promise<void> {
    if (this.state === 'down') return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Here they are gone with the last record. */
  lastWorkers(): LastWorkers {
    return { areLeft: () => true, letSendersEnd: () => undefined };
  }

  sweep(): Promise<number> {
    return new Promise((resolve) =>
      this.clearAway(() => {
        this.life.guard.world.scheduler.promised = true;
        resolve(0);
      }),
    );
  }

  /** Until no process of the instance is left. */
  clearAway(done: () => void): void {
    const { postgres } = this.life.node;
    if (!postgres.alive) {
      done();
      return;
    }
    postgres.killAll();
    this.life.process.after(DOWN_POLL_MS, () => this.clearAway(done));
  }

  #exited(): void {
    if (this.state === 'down') return;
    if (this.state !== 'stopping') this.#become('stopping');
    this.#clearThenDown();
  }

  #clearThenDown(): void {
    if (this.#clearing) return;
    this.#clearing = true;
    this.clearAway(() => {
      this.#clearing = false;
      this.#killTimer += 1;
      this.#become('down');
      this.life.guard.world.scheduler.promised = true;
      for (const tell of this.#waiters.splice(0)) tell();
    });
  }

  #watchUntilReady(run: number): void {
    const { postgres } = this.life.node;
    if (this.state !== 'starting' || postgres.run !== run) return;
    if (postgres.phase === 'running') this.#become('running');
    else this.life.process.after(READY_POLL_MS, () => this.#watchUntilReady(run));
  }

  #become(state: PostmasterState): void {
    if (this.state === state) return;
    this.state = state;
    this.onChange();
  }
}

export function filesOf({ postgres, name }: SimNode): InstanceFiles {
  const { directory } = postgres;
  return {
    path: name,
    proveDown: () => ({ kind: postgres.alive ? 'processes-alive' : 'down' }),
    putStandbySignal: () => {
      directory.standbySignal = true;
    },
    removeSignalFiles: () => {
      directory.standbySignal = false;
    },
    shutdownPosition: () =>
      directory.cleanShutdown ? { timeline: postgres.timeline, lsn: endOf(postgres.wal) } : null,
    stopStage: async () => (directory.cleanShutdown ? 'written' : 'clients'),
    unfinishedWork: () => (directory.kind === 'unfinished' ? 'work' : undefined),
    hasData: () => directory.kind === 'initialised',
  };
}
