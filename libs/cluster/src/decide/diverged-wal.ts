import type { Decision, DecisionInput } from '../decision.ts';
import { memberNames } from '../state.ts';
import { freshReport } from './sight.ts';

/** What a former primary had written alone goes into the history, once. */
export function recordDivergedWal(input: DecisionInput): Decision | null {
  for (const instance of memberNames(input.state)) {
    const wal = freshReport(input, instance)?.divergedWal;
    if (wal == null || input.state.divergedWal?.[instance] === wal.keptAt) continue;
    return { rule: 'record-diverged-wal', events: [{ type: 'DivergedWalKept', instance, wal }] };
  }
  return null;
}
