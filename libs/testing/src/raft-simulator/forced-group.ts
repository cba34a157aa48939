import { InvariantError, messageOf } from '#libs/kernel';
import { aloneAt } from '#libs/raft';
import { QuietWorld } from './quiet-world.ts';
import type { SimMember } from './sim-member.ts';
import { Violation } from './violation.ts';

const KEY = 'k';
/** Several elections of those that came back. */
const BESIDE_MS = 10_000;

/**
 * `force-new-cluster` on a survivor, and then, against the runbook, the majority comes back on its old
 * directories. What they send still goes to the survivor's address; nothing of it may count there, and
 * the other way round. Null when every rule held.
 */
export async function runForcedGroup(seed: number): Promise<string | null> {
  const world = new QuietWorld(seed);
  try {
    await follow(world);
  } catch (error) {
    if (!(error instanceof Violation) && !(error instanceof InvariantError)) throw error;
    return messageOf(error);
  }
  return null;
}

async function follow(world: QuietWorld): Promise<void> {
  const leader = await world.until('a leader serves', () => world.leader());
  await world.write(leader, KEY, 'before');
  const survivor = world.members.find((member) => member !== leader) ?? leader;
  const others = world.members.filter((member) => member !== survivor);
  for (const member of world.members) member.crash();
  const forced = force(world, survivor);
  await world.until('the survivor serves alone', () => (forced.serving ? true : null));
  const { term } = forced.machine.status();
  const lastIndex = survivor.media.log.lastIndex;
  for (const member of others) member.restart();
  const again = await world.until('those of before elect', () => world.leader(forced));
  await world.write(again, KEY, 'by those of before');
  const endMs = world.nowMs + BESIDE_MS;
  await world.until('both groups go on', () => {
    checkAlone(forced, term);
    checkApart(others, forced.id);
    return world.nowMs >= endMs ? true : null;
  });
  checkLog(forced, lastIndex);
}

/** As the tool does it offline, on the files of the survivor. */
function force(world: QuietWorld, survivor: SimMember): SimMember {
  const { log, snapshot, hardState } = survivor.media;
  const own = snapshot.meta.membership.members.find(({ id }) => id === survivor.id);
  if (own === undefined) throw new Violation('a survivor is a member', { id: survivor.id });
  const term = hardState.term + 1;
  const first = aloneAt(own, log.lastIndex + 1, term);
  return world.inSeatOf(survivor, first.membership.voters[0] ?? 0, {
    hardState: { term, vote: 0 },
    entries: [...log.entries, first],
  });
}

/** Whatever others send: it leads its group of one, in the term in which it began. */
function checkAlone(forced: SimMember, term: number): void {
  const status = forced.machine.status();
  if (status.role === 'leader' && status.term === term) return;
  const { role, leader } = status;
  throw new Violation('nobody of before is heard by a forced group', {
    ...{ role, leader, began: term, term: status.term },
  });
}

function checkApart(others: readonly SimMember[], forced: number): void {
  for (const { id, machine } of others) {
    const { leader, membership } = machine.status();
    const heard = leader === forced || membership.members.some((member) => member.id === forced);
    if (heard) throw new Violation('nobody of before hears a forced group', { id, leader });
  }
}

/** Behind what the survivor had there is nothing but its own. */
function checkLog({ media, id }: SimMember, keptIndex: number): void {
  const foreign = media.log.entries.find(
    (entry) => entry.index > keptIndex + 1 && entry.kind !== 'empty',
  );
  if (foreign !== undefined) {
    throw new Violation('a forced log is its own', { id, index: foreign.index });
  }
}
