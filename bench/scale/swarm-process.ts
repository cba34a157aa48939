import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { RenewalReport } from './renewal-tally.ts';
import type { SwarmAnswer, SwarmOrder } from './swarm-messages.ts';

/**
 * Thousands of guards share a heap here, where each has a small one of its own on its host: collected in the usual
 * way, it would stop all of them for a tenth of a second again and again, and take processor time from the controllers.
 * A young heap of 16 MiB stops them for 20 ms, one of 64 for 40 to 150, and one of 4 takes three times as much in all.
 */
const ROOMY_HEAP = [
  '--initial-old-space-size=4096',
  '--max-old-space-size=6144',
  '--max-semi-space-size=16',
  '--single-threaded-gc',
];

/** One process with a share of the guards; it ends with ours. */
export class SwarmProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'swarm.js'), [], { execArgv: ROOMY_HEAP });
  }

  async begin(
    order: Omit<Extract<SwarmOrder, { type: 'begin' }>, 'type'>,
    onGranted: (count: number) => void,
  ): Promise<void> {
    const done = this.#answered((answer) => {
      if (answer.type === 'granted') onGranted(answer.count);
      return answer.type === 'begun';
    });
    this.#send({ type: 'begin', ...order });
    await done;
  }

  reset(): void {
    this.#send({ type: 'reset' });
  }

  async report(): Promise<RenewalReport> {
    const answered = this.#answered(({ type }) => type === 'report');
    this.#send({ type: 'report' });
    const answer = await answered;
    if (answer.type !== 'report') throw new Error(`a swarm answered ${answer.type}`);
    return answer.report;
  }

  /** Of one core, in milliseconds since its start. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #send(order: SwarmOrder): void {
    this.#child.send(order);
  }

  async #answered(matches: (answer: SwarmAnswer) => boolean): Promise<SwarmAnswer> {
    return await new Promise((resolve, reject) => {
      const take = (answer: SwarmAnswer): void => {
        if (answer.type === 'failed') reject(new Error(answer.why));
        else if (!matches(answer)) return;
        else resolve(answer);
        this.#child.off('message', take);
      };
      this.#child.on('message', take);
      this.#child.once('exit', () => reject(new Error('a process with guards ended')));
    });
  }
}
