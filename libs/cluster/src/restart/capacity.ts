/** The settings of which a standby must never have less than its primary has. */
import type { InstanceName } from '#libs/kernel';
import type { Parameters } from '../configuration.ts';
import { parametersFor } from '../revisions.ts';
import type { ClusterState } from '../state.ts';
import { CAPACITY_SETTINGS, UNSAID_CAPACITY } from './capacity-settings.ts';
import type { PendingRestart } from './pending-restart.ts';

/**
 * What an instance is given, in the right order: a standby gets a larger value at once and a smaller one
 * only after its primary runs with it; the primary gets a larger one only in a restart that was
 * ordered, when every standby has it. PostgreSQL would otherwise stop the standbys or not start them.
 * What is enough by default stays unsaid: a line that goes again waits for a restart for ever.
 */
export function effectiveParameters(
  state: ClusterState,
  role: 'primary' | 'standby',
  instance: InstanceName,
  given: Parameters = parametersFor(state.postgres, role, instance),
): Parameters {
  const running = state.primaryServer?.settings;
  if (running === undefined) return given;
  const mayGrow = growsNow(state, instance);
  const parameters: Record<string, string> = { ...given };
  for (const name of CAPACITY_SETTINGS) {
    const least = running[name];
    const wanted = given[name] === undefined ? undefined : Number(given[name]);
    if (least === undefined || (wanted !== undefined && !Number.isInteger(wanted))) continue;
    const has = wanted ?? UNSAID_CAPACITY[name] ?? 0;
    if (role === 'standby' && has < least) parameters[name] = String(least);
    if (role === 'primary' && !mayGrow && wanted !== undefined && wanted > least) {
      parameters[name] = String(least);
    }
  }
  return parameters;
}

/** Nobody streams from it, or its restart is ordered. */
function growsNow({ members, restart }: ClusterState, instance: InstanceName): boolean {
  if (Object.keys(members).every((name) => name === instance)) return true;
  const ordered = restart?.current;
  return ordered?.instance === instance && ordered.asPrimary;
}

/** What the primary is not given before an ordered restart: it waits for one, and PostgreSQL does not know. */
export function heldBack(state: ClusterState, primary: InstanceName): readonly PendingRestart[] {
  const running = state.primaryServer?.settings;
  if (running === undefined || growsNow(state, primary)) return [];
  const given = parametersFor(state.postgres, 'primary', primary);
  return CAPACITY_SETTINGS.flatMap((name) => {
    const [has, configured] = [running[name], given[name]];
    if (has === undefined || configured === undefined || !(Number(configured) > has)) return [];
    return [{ name, running: String(has), configured }];
  });
}
