import { DomainError } from '#libs/kernel';
import type { MemberId, Membership } from '#libs/raft';
import {
  openReplicaStore,
  type RecoveredLog,
  type ReplicaStore,
  type StoreDisk,
} from '#libs/storage';
import { MemberRemovedError, wasRemoved } from '../membership/member-ids.ts';

export class ForeignDirectoryError extends DomainError {
  readonly code = 'FOREIGN_DIRECTORY';

  constructor(directory: string, owner: string, name: string) {
    super(
      `${directory} holds the data of controller '${owner}', this one is '${name}': ` +
        'give each controller a directory of its own',
    );
  }
}

export type SeatOptions = {
  readonly directory: string;
  readonly groupId: string;
  readonly name: string;
  /** How a fresh directory gets its seat; not read again once it has one. */
  readonly entry: SeatEntry;
  /** For a fresh directory: tells it from every other that ever had its seat. */
  readonly directoryId?: string;
  readonly disk?: StoreDisk;
};

export type SeatEntry =
  /** The founding members, in the order of their seats. */
  | {
      readonly kind: 'found';
      readonly founders: readonly { readonly name: string; readonly address: string }[];
      /** Resolves unless the group is there already, with this controller in it. */
      readonly mayFound: () => Promise<void>;
    }
  /** Resolves once the group has given this controller a seat. */
  | { readonly kind: 'join'; readonly admitted: () => Promise<MemberId> };

/** An open directory that belongs to one member of one group. */
export type Seat = {
  readonly storage: ReplicaStore;
  readonly recovered: Extract<RecoveredLog, { bootstrapped: true }>;
};

/** Whoever joins knows nobody: the log or a snapshot tells who takes part. */
const NOBODY: Membership = { members: [], voters: [], outgoing: [], learners: [] };

/**
 * Opens, founds or enters.
 *
 * @throws ForeignDirectoryError, MemberRemovedError, the errors of `openReplicaStore`, `mayFound` and `admitted`
 */
export async function openSeat(options: SeatOptions): Promise<Seat> {
  const { directory, groupId, disk, name } = options;
  const where = disk === undefined ? { directory, groupId } : { directory, groupId, disk };
  const { store: storage, recovered } = await openReplicaStore(where);
  try {
    if (!recovered.bootstrapped) return { storage, recovered: await bootstrap(storage, options) };
    const { members } = recovered.membership;
    const owner = members.find((member) => member.id === recovered.memberId)?.name;
    if (owner !== undefined && owner !== name) {
      throw new ForeignDirectoryError(directory, owner, name);
    }
    const { memberId, appliedIndex } = recovered;
    if (wasRemoved(memberId, members, appliedIndex)) {
      throw new MemberRemovedError(name, memberId, recovered.membershipIndex);
    }
    return { storage, recovered };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

async function bootstrap(
  storage: ReplicaStore,
  { groupId, name, entry, directoryId }: SeatOptions,
): Promise<Seat['recovered']> {
  const numbered = directoryId === undefined ? {} : { directoryId };
  if (entry.kind === 'join') {
    const memberId = await entry.admitted();
    return storage.bootstrap({ groupId, memberId, membership: NOBODY, ...numbered });
  }
  await entry.mayFound();
  const membership = foundingMembership(entry.founders);
  const memberId = membership.members.find((member) => member.name === name)?.id ?? 0;
  return storage.bootstrap({ groupId, memberId, membership, ...numbered });
}

/** Seats are given by position in the list, which is the same in every founder's configuration. */
function foundingMembership(
  founders: readonly { readonly name: string; readonly address: string }[],
): Membership {
  const members = founders.map(({ name, address }, position) => ({
    id: position + 1,
    name,
    address,
  }));
  const voters = members.map((member) => member.id);
  return { members, voters, outgoing: [], learners: [] };
}
