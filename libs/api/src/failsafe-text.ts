import type { ClusterState } from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import type { Heard } from './heard.ts';

/**
 * Failsafe in one line: off, ready, or what keeps the primary at present; null when it is off. A promise
 * lasts as long as a lease, so an agent that was heard a moment ago tells what holds now.
 */
export function failsafeText(
  { failsafe, lease, settings, members }: ClusterState,
  heard: ReadonlyMap<InstanceName, Heard>,
): string | null {
  if (settings.failsafe !== true) return null;
  if (lease.kind !== 'Held') return 'failsafe: on, and there is no primary to promise to';
  const others = Object.values(members).flatMap(({ name }) => (name === lease.holder ? [] : name));
  if (others.length === 0) return 'failsafe: on, no other member has to promise';
  const promised = others.filter((name) => {
    const { promise } = heard.get(name)?.report ?? {};
    const { ageMs = 0 } = heard.get(name) ?? {};
    return promise?.epoch === lease.epoch && promise.remainingMs > ageMs;
  });
  if (promised.length > 0) {
    return `failsafe: active, ${promised.join(', ')} promised ${lease.holder} to take over nothing`;
  }
  const known = failsafe?.epoch === lease.epoch ? failsafe.members : [];
  const unknown = others.filter((name) => !known.includes(name));
  if (unknown.length === 0) return `failsafe: ready, ${others.join(', ')} would be asked`;
  return `failsafe: ready, but the guard of ${lease.holder} does not know of ${unknown.join(', ')} yet`;
}
