import type { Decision, DecisionInput } from '../../decision.ts';

/** A step of the leader's wall clock is told once, for whoever reads the times of events later. */
export function recordClockJump({ observations }: DecisionInput): Decision | null {
  const { clockJumpMs: jumpMs } = observations;
  if (jumpMs === undefined) return null;
  return { rule: 'record-clock-jump', events: [{ type: 'ClockJumped', jumpMs }] };
}
