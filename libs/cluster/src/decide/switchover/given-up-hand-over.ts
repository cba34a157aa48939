import type { Epoch, InstanceName } from '#libs/kernel';
import type { DecisionInput } from '../../decision.ts';
import type { AgentReport } from '../../report.ts';
import { freshReport } from '../sight.ts';

/**
 * What the primary of `epoch` reports when it has given up the hand-over that is under way; null: it has not.
 * A report from before this order may still tell of the one before it, in the same epoch.
 */
export function givenUpHandOver(
  input: DecisionInput,
  primary: InstanceName,
  epoch: Epoch,
): AgentReport | null {
  const report = freshReport(input, primary);
  if (report === null || report.abandonedHandOver !== epoch) return null;
  return report.actedVersion < input.state.version ? null : report;
}
