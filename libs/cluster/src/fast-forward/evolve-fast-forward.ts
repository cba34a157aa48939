import { type EpochMs, unreachable } from '#libs/kernel';
import type { Operation } from '../state.ts';
import type { FastForwardEvent } from './fast-forward-events.ts';

/** `phasesOf`: how the time until now divides, by the event's timing. */
export function evolveFastForward(
  operation: Operation,
  event: FastForwardEvent,
  at: EpochMs,
  phasesOf: (stepMs: number, timing: { detachMs: number; chooseMs: number }) => object,
): Operation {
  if (operation.kind !== 'failover') return operation;
  switch (event.type) {
    case 'FastForwardStarted': {
      const { instance, from, upTo, timing } = event;
      const phasesMs = { ...operation.phasesMs, ...phasesOf(at - operation.stepAt, timing) };
      const fastForward = { instance, from, upTo, givenUp: false };
      return { ...operation, fastForward, stepAt: at, phasesMs };
    }
    case 'FastForwardGivenUp': {
      const { fastForward } = operation;
      if (fastForward === undefined) return operation;
      return { ...operation, fastForward: { ...fastForward, givenUp: true } };
    }
    default:
      return unreachable(event);
  }
}
