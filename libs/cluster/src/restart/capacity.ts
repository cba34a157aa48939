/** The settings of which a standby must never have less than its primary has. */
import type { InstanceName } from '#libs/kernel';
import type { Parameters } from '../configuration.ts';
import { parametersFor } from '../revisions.ts';
import type { ClusterState } from '../state.ts';
import { CAPACITY_SETTINGS, UNSAID_CAPACITY } from './capacity-settings.ts';

/**
 * What an instance is given, in the right order: a standby gets a larger value at once and a smaller one
 * only after its primary runs with it; the primary gets a larger one only in a restart that was
 * ordered, when every standby has it. PostgreSQL would else stop the standbys or not start them.
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
  const alone = Object.keys(state.members).every((name) => name === instance);
  const ordered = state.restart?.current;
  const mayGrow = alone || (ordered?.instance === instance && ordered.asPrimary);
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
