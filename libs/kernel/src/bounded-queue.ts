import { DomainError } from './domain-error.ts';

export class QueueFullError extends DomainError {
  readonly code = 'QUEUE_FULL';

  constructor(queue: string, limit: number) {
    super(`queue '${queue}' holds its limit of ${limit} items: try again later`);
  }
}

/** A first-in, first-out queue with a limit; meeting the limit is a named error, never growth. */
export class BoundedQueue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  constructor(
    readonly name: string,
    readonly limit: number,
  ) {}

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** @throws QueueFullError */
  push(item: T): void {
    if (this.size >= this.limit) throw new QueueFullError(this.name, this.limit);
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 1_024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
