import type { Decision, DecisionInput } from '../../decision.ts';
import { refuse } from '../refusal.ts';
import { freshReport } from '../sight.ts';
import { decideSwitchover } from './switchover.ts';

/** The primary's host is being shut down: the best standby takes over while everything still works. */
export function handOverLeaving(input: DecisionInput): Decision | null {
  const { lease, operation, paused } = input.state;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none' || paused) return null;
  if (freshReport(input, lease.holder)?.leaving !== true) return null;
  const verdict = decideSwitchover(input, null);
  switch (verdict.kind) {
    case 'decided':
      return { rule: 'hand-over-leaving', events: verdict.decision.events };
    case 'refused':
      return refuse(input, 'switchover', verdict.refusals);
    case 'satisfied':
      return null;
  }
}
