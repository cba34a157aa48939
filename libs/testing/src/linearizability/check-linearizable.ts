import { eventList, type HistoryEvent, lift, unlift } from './event-list.ts';
import type { Operation } from './operation.ts';
import { type RegisterState, stepRegister } from './register-model.ts';

export type Verdict =
  | { readonly kind: 'linearizable' }
  | {
      readonly kind: 'violation';
      readonly key: string;
      /** No order of these explains what they answered; in order of their calls. */
      readonly operations: readonly Operation[];
    }
  /** The search was given up: the history of this key is too wide. */
  | { readonly kind: 'undecided'; readonly key: string };

/** Steps of the search for one key; more than any history of a bounded window needs. */
const STEPS_MAX = 2_000_000;

/**
 * Whether one order of the operations, in which each takes effect between its call and its return,
 * explains every answer (Wing and Gong's search with Lowe's memory, key by key). Every register is
 * absent at first. Histories should change their keys now and then: that bounds the window.
 */
export function checkLinearizable(
  operations: readonly Operation[],
  stepsMax: number = STEPS_MAX,
): Verdict {
  for (const [key, window] of byKey(operations)) {
    const found = search(window, stepsMax);
    if (found === 'undecided') return { kind: 'undecided', key };
    if (found === 'none') {
      const inOrder = [...window].sort((a, b) => a.callNs - b.callNs);
      return { kind: 'violation', key, operations: inOrder };
    }
  }
  return { kind: 'linearizable' };
}

/** An open read neither changes nor tells anything. */
function byKey(operations: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  const windows = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (operation.input.type === 'read' && operation.output === null) continue;
    const window = windows.get(operation.key);
    if (window === undefined) windows.set(operation.key, [operation]);
    else window.push(operation);
  }
  return windows;
}

type Choice = { readonly call: HistoryEvent; readonly before: RegisterState };

function search(
  operations: readonly Operation[],
  stepsMax: number,
): 'found' | 'none' | 'undecided' {
  const head = eventList(operations);
  const done = new Uint8Array(operations.length);
  const seen = new Set<string>();
  const choices: Choice[] = [];
  let waiting = operations.filter(({ output }) => output !== null).length;
  let state: RegisterState = null;
  let event = head.next;
  const completed = (at: number): number => (operations[at]?.output === null ? 0 : 1);
  for (let steps = 0; waiting > 0; steps += 1) {
    if (steps > stepsMax) return 'undecided';
    if (event !== null && event.match !== null) {
      const next = stateAfter(operations, event.operation, state);
      if (next !== undefined && isNew(seen, done, event.operation, next)) {
        choices.push({ call: event, before: state });
        waiting -= completed(event.operation);
        state = next;
        lift(event);
        event = head.next;
      } else {
        event = event.next;
      }
      continue;
    }
    const last = choices.pop();
    if (last === undefined) return 'none';
    done[last.call.operation] = 0;
    waiting += completed(last.call.operation);
    state = last.before;
    unlift(last.call);
    event = last.call.next;
  }
  return 'found';
}

function stateAfter(
  operations: readonly Operation[],
  at: number,
  state: RegisterState,
): RegisterState | undefined {
  const operation = operations[at];
  return operation === undefined
    ? undefined
    : stepRegister(state, operation.input, operation.output);
}

/** Remembers which operations took effect with which outcome; marks `at` done when that is new. */
function isNew(seen: Set<string>, done: Uint8Array, at: number, state: RegisterState): boolean {
  done[at] = 1;
  const place = `${Buffer.from(done).toString('latin1')}${state ?? ''}|${state === null}`;
  if (seen.has(place)) {
    done[at] = 0;
    return false;
  }
  seen.add(place);
  return true;
}
