import { InvariantError } from '#libs/kernel';

type Task = { readonly atMs: number; readonly order: number; readonly run: () => void };

/** Virtual time: tasks run in order of time, and of arrival when the time is equal. */
export class Scheduler {
  /** Promises may be settled by now: their reactions run before the next task. */
  promised = false;
  readonly #heap: Task[] = [];
  #order = 0;
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): void {
    this.#order += 1;
    this.#push({ atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run });
  }

  /**
   * Lets every reaction to settled promises run. Nothing here waits for the outside world, so one turn
   * of the event loop is enough, and what runs in it depends on the seed alone.
   */
  async settle(): Promise<void> {
    if (!this.promised) return;
    this.promised = false;
    await new Promise(setImmediate);
  }

  /** Runs the next task; false when there is none before `untilMs`, where time then stands. */
  runNext(untilMs: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.atMs > untilMs) {
      this.#nowMs = untilMs;
      return false;
    }
    this.#pop();
    this.#nowMs = next.atMs;
    next.run();
    return true;
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(task);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfLater(parent, at)) return;
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && isLater(this.#at(left), this.#at(right)) ? right : left;
      if (!this.#swapIfLater(at, child)) return;
      at = child;
    }
  }

  #swapIfLater(parent: number, child: number): boolean {
    const upper = this.#at(parent);
    const lower = this.#at(child);
    if (!isLater(upper, lower)) return false;
    this.#heap[parent] = lower;
    this.#heap[child] = upper;
    return true;
  }

  #at(position: number): Task {
    const task = this.#heap[position];
    if (task === undefined) throw new InvariantError('a heap position exists', { position });
    return task;
  }
}

function isLater(a: Task, b: Task): boolean {
  return a.atMs > b.atMs || (a.atMs === b.atMs && a.order > b.order);
}
