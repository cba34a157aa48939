import type { Decision, DecisionInput } from '../../decision.ts';
import type { ServerFacts } from '../../server-facts.ts';
import { freshReport } from '../sight.ts';

/**
 * What the primary's server is goes into the history while it serves: once it is lost nobody can be
 * asked, and candidates are compared with it.
 */
export function recordPrimaryServer(input: DecisionInput): Decision | null {
  const { lease, operation, primaryServer } = input.state;
  if (lease.kind !== 'Held' || !lease.serving || operation.kind !== 'none') return null;
  const report = freshReport(input, lease.holder);
  const server = report?.server;
  if (report?.postgres.kind !== 'primary' || server == null) return null;
  if (primaryServer !== undefined && sameServer(primaryServer, server)) return null;
  const event = { type: 'PrimaryMeasured', instance: lease.holder, server } as const;
  return { rule: 'measure-primary', events: [event] };
}

function sameServer(a: ServerFacts, b: ServerFacts): boolean {
  if (a.versionNum !== b.versionNum || a.collation !== b.collation) return false;
  const names = new Set([...Object.keys(a.settings), ...Object.keys(b.settings)]);
  return [...names].every((name) => a.settings[name] === b.settings[name]);
}
