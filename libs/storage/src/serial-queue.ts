import { BoundedQueue } from '#libs/kernel';

const PENDING_MAX = 1_024;

type Job = {
  readonly run: () => Promise<void>;
  readonly refuse: (error: Error) => void;
};

/** Runs jobs one after another. The first failure is final: that job and all others get its error. */
export class SerialQueue {
  readonly #jobs = new BoundedQueue<Job>('storage writes', PENDING_MAX);
  readonly #wrap: (cause: unknown) => Error;
  #running = false;
  #failure: Error | null = null;

  /** `wrap` names the error that every caller sees once a job has failed. */
  constructor(wrap: (cause: unknown) => Error) {
    this.#wrap = wrap;
  }

  get idle(): boolean {
    return !this.#running;
  }

  get pending(): number {
    return this.#jobs.size;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  /** @throws QueueFullError, and whatever the first failure was wrapped into */
  run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({ run: async () => resolve(await job()), refuse: reject });
      if (!this.#running) void this.#drain();
    });
  }

  fail(cause: unknown): Error {
    return this.close(this.#failure ?? this.#wrap(cause));
  }

  /** Refuses all that waits and all that comes. */
  close(error: Error): Error {
    this.#failure ??= error;
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      job.refuse(this.#failure);
    }
    return this.#failure;
  }

  async #drain(): Promise<void> {
    this.#running = true;
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      try {
        await job.run();
      } catch (cause) {
        job.refuse(this.fail(cause));
      }
    }
    this.#running = false;
  }
}
