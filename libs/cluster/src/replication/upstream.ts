import type { InstanceName } from '#libs/kernel';
import { instanceName } from '#libs/kernel';
import type { ClusterState } from '../state.ts';

/** Whom a standby streams from, and why not from the one that its tag names. */
export type Upstream = {
  readonly name: InstanceName;
  readonly wanted: InstanceName | null;
  /** Null where the wish is followed, or there is none. */
  readonly instead: string | null;
};

/**
 * The upstream of a standby under `primary`: the instance of its tag `replicateFrom` once that one was
 * seen to stream in this epoch, else the primary. A standby that has not followed the new primary yet
 * could hand on what the old one wrote after it was given up.
 */
export function upstreamOf(
  state: ClusterState,
  instance: InstanceName,
  primary: InstanceName,
): Upstream {
  const wanted = wishOf(state, instance);
  const fallBack = (instead: string | null): Upstream => ({ name: primary, wanted, instead });
  if (wanted === null) return fallBack(null);
  if (wanted === primary) return { name: primary, wanted, instead: null };
  if (state.members[wanted] === undefined) return fallBack(`${wanted} is not a member`);
  const loop = loopFrom(state, instance, primary);
  if (loop !== null) return fallBack(`${loop.join(' from ')} is a loop`);
  if (!(state.readyUpstreams ?? []).includes(wanted)) {
    return fallBack(`${wanted} does not stream itself`);
  }
  return { name: wanted, wanted, instead: null };
}

/** Instances that some member names as its upstream. */
export function wantedUpstreams(state: ClusterState): InstanceName[] {
  const wishes = Object.values(state.members).map(({ name }) => wishOf(state, name));
  return [...new Set(wishes.filter((wish) => wish !== null))].filter(
    (name) => state.members[name] !== undefined,
  );
}

function wishOf(state: ClusterState, instance: InstanceName): InstanceName | null {
  const wish = state.members[instance]?.tags.replicateFrom;
  return wish === undefined || wish === '' ? null : instanceName(wish);
}

/** The way from `instance` up, when it comes back to an instance that it has passed. */
function loopFrom(
  state: ClusterState,
  instance: InstanceName,
  primary: InstanceName,
): readonly InstanceName[] | null {
  const way = [instance];
  for (let next = wishOf(state, instance); next !== null; next = wishOf(state, next)) {
    if (next === primary) return null;
    if (way.includes(next)) return [...way, next];
    way.push(next);
  }
  return null;
}
