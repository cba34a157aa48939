import type { Operation } from './operation.ts';

/** A call, or the return of the operation that `match` called; a node of a doubly linked list. */
export type HistoryEvent = {
  readonly operation: number;
  /** The return of a call; null for a return itself. */
  readonly match: HistoryEvent | null;
  before: HistoryEvent | null;
  next: HistoryEvent | null;
};

/**
 * Calls and returns in order of time behind a head that is no event. At equal times calls come first:
 * operations that touch count as concurrent. What is open returns at the very end.
 */
export function eventList(operations: readonly Operation[]): HistoryEvent {
  const timed = operations.flatMap((operation, at) => {
    const back: HistoryEvent = { operation: at, match: null, before: null, next: null };
    const call: HistoryEvent = { operation: at, match: back, before: null, next: null };
    const returnNs = operation.returnNs ?? Number.POSITIVE_INFINITY;
    return [
      { atNs: operation.callNs, order: 0, event: call },
      { atNs: returnNs, order: 1, event: back },
    ];
  });
  timed.sort((a, b) => compare(a.atNs, b.atNs) || a.order - b.order);
  const head: HistoryEvent = { operation: -1, match: null, before: null, next: null };
  let last = head;
  for (const { event } of timed) {
    last.next = event;
    event.before = last;
    last = event;
  }
  return head;
}

/** Takes a call and its return out of the list. */
export function lift(call: HistoryEvent): void {
  unlink(call);
  if (call.match !== null) unlink(call.match);
}

/** Puts back what was lifted last. */
export function unlift(call: HistoryEvent): void {
  if (call.match !== null) relink(call.match);
  relink(call);
}

function unlink(event: HistoryEvent): void {
  if (event.before !== null) event.before.next = event.next;
  if (event.next !== null) event.next.before = event.before;
}

function relink(event: HistoryEvent): void {
  if (event.before !== null) event.before.next = event;
  if (event.next !== null) event.next.before = event;
}

/** Infinities are equal to each other, which subtraction would not say. */
function compare(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
