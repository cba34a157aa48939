import { type ClusterState, isNamed, type MemberRecord, namesInDoubt } from '#libs/cluster';
import type { InstanceName } from '#libs/kernel';
import { slotNameOf } from '#libs/postgres-model';
import type { ReachableInstance, ReplicaConnection } from '#libs/postgres-run';
import type { Fit } from './member-addresses.ts';
import { settingOf } from './setting-text.ts';

const NAMES = 'synchronous_standby_names';

/** The walsenders of one member's name. */
export type NamedSenders = {
  readonly member: MemberRecord;
  readonly senders: readonly ReplicaConnection[];
};

type Seen = Pick<ReachableInstance, 'replicas' | 'slots' | 'settings'>;
type FitOf = (member: MemberRecord, sender: ReplicaConnection) => Fit;

/** Of each member but this primary itself. */
export function namedSenders(
  { members }: Pick<ClusterState, 'members'>,
  own: InstanceName,
  { replicas }: Pick<Seen, 'replicas'>,
): readonly NamedSenders[] {
  return Object.values(members)
    .filter(({ name }) => name !== own)
    .map((member) => ({
      member,
      senders: replicas.filter((each) => isNamed(each.applicationName, member.replicationName)),
    }));
}

/**
 * Neither committed, nor ordered and maybe still run by some part of PostgreSQL, nor in force: whoever
 * acknowledged in the member's place is counted on by nobody any more.
 */
export function isReliedOn(
  state: Pick<ClusterState, 'sync'>,
  { settings }: Pick<Seen, 'settings'>,
  name: string | undefined,
): boolean {
  const inForce = settings[NAMES];
  const told = inForce === undefined ? null : settingOf(inForce.value);
  if (told === null) return true;
  const committed = state.sync?.committed?.members.map((each) => each.name) ?? [];
  return [...committed, ...namesInDoubt(state), ...told.names].some((each) => isNamed(each, name));
}

/**
 * Which of two and more is the member, and which are not: it is where its address is, and of two there the
 * one that streams from its slot. Where neither tells, nobody is called a stranger; and one is always kept.
 */
export function extraSenders(
  { member, senders }: NamedSenders,
  { slots }: Pick<Seen, 'slots'>,
  fitOf: FitOf,
): { readonly kept: ReplicaConnection; readonly extra: readonly ReplicaConnection[] } | null {
  const fitting = senders.filter((sender) => fitOf(member, sender) === 'own');
  const slot = slotNameOf(member.name);
  const holder = slots.find(({ name }) => name === slot)?.activePid;
  const streams = fitting.find(({ pid }) => pid === holder);
  const kept = streams ?? fitting[0];
  if (senders.length < 2 || kept === undefined) return null;
  const extra = senders.filter((each) =>
    streams === undefined ? fitOf(member, each) === 'foreign' : each !== streams,
  );
  return extra.length === 0 ? null : { kept, extra };
}
