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
   * Lets every reaction to settled promises run. Nothing here waits for the outside world, so no turn of
   * the event loop is needed: the next tick comes when no reaction is left, and what runs until then
   * depends on the seed alone.
   */
  async settle(): Promise<void> {
    if (!this.promised) return;
    this.promised = false;
    await new Promise<void>((resolve) => process.nextTick(resolve));
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

  /** The place that is free moves up; what is later than `task` moves down into it. */
  #push(task: Task): void {
    const heap = this.#heap;
    let free = heap.length;
    heap.push(task);
    while (free > 0) {
      const above = (free - 1) >> 1;
      const upper = heap[above];
      if (upper === undefined || !isLater(upper, task)) break;
      heap[free] = upper;
      free = above;
    }
    heap[free] = task;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let free = 0;
    for (;;) {
      const left = 2 * free + 1;
      const first = heap[left];
      const second = heap[left + 1];
      if (first === undefined) break;
      const secondIsSooner = second !== undefined && isLater(first, second);
      const sooner = secondIsSooner ? second : first;
      if (!isLater(last, sooner)) break;
      heap[free] = sooner;
      free = secondIsSooner ? left + 1 : left;
    }
    heap[free] = last;
  }
}

function isLater(a: Task, b: Task): boolean {
  return a.atMs > b.atMs || (a.atMs === b.atMs && a.order > b.order);
}
