import type { MemberId, Term } from '#libs/raft';
import { firstIncarnation } from './directories.ts';
import type { Outgoing } from './network.ts';
import type { Witness } from './oracle.ts';
import type { Surroundings } from './surroundings.ts';

type Sender = Witness & { readonly id: MemberId; readonly emptied: boolean };

/** What a message promises is checked as it leaves. */
export function sendFrom(sender: Sender, packet: Outgoing, world: Surroundings): void {
  const { oracle, memberOf, network } = world;
  const { term } = packet.message;
  const leader = memberOf(oracle.leaderOf(term) ?? 0);
  const current = leads(leader, term) ? leader : undefined;
  if (!sender.emptied) oracle.promised(packet.message, sender, current?.mirror ?? null);
  network.send({ ...packet, incarnation: firstIncarnation(sender.id, sender.emptied) });
}

function leads(
  member: { readonly isLeader: boolean; readonly term: Term } | undefined,
  term: Term,
): boolean {
  return member?.isLeader === true && member.term === term;
}
