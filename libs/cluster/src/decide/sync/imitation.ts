/** Who acknowledges in a member's place (safety 14): PostgreSQL counts walsenders by name. */
import type { PostgresCondition, StandbyConnection } from '../../report.ts';
import type { ClusterState, MemberRecord } from '../../state.ts';
import { isFrom, isNamed } from '../../sync-set/member-connection.ts';

type Primary = Extract<PostgresCondition, { kind: 'primary' }>;

/** In these states a walsender confirms nothing: one that is refused the slot never leaves the first. */
const CONFIRMS_NOTHING: readonly string[] = ['startup', 'backup'];

/**
 * The one walsender under the member's name, from the member's own address. Anybody else who connects
 * by that name would acknowledge in its place.
 */
export function soleConnection(
  { replicationName, postgres }: MemberRecord,
  standbys: readonly StandbyConnection[],
): StandbyConnection | 'foreign' | null {
  const named = standbys.filter(
    ({ applicationName, state }) =>
      isNamed(applicationName, replicationName) && !CONFIRMS_NOTHING.includes(state),
  );
  const [only] = named;
  if (named.length > 1) return 'foreign';
  if (only === undefined) return null;
  if (only.foreign === true || isFrom(postgres.host, only.host) === false) return 'foreign';
  return only.state === 'streaming' && only.flushLsn !== null ? only : null;
}

/** Whether one of these names is a member's, and somebody else streams under it, beside the member or alone. */
export function hasImitated(
  { members }: Pick<ClusterState, 'members'>,
  { standbys }: Primary,
  names: readonly string[],
): boolean {
  return Object.values(members).some(
    (member) =>
      names.some((name) => isNamed(name, member.replicationName)) &&
      soleConnection(member, standbys) === 'foreign',
  );
}
