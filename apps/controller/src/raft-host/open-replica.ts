import { type Clock, DomainError, seededPrng } from '#libs/kernel';
import { createRaft, type Membership, type RaftConfig } from '#libs/raft';
import { openReplicaStore, type ReplicaStore, type StoreDisk } from '#libs/storage';
import type { Log } from '../log.ts';
import { COMPACTION, type CompactionLimits } from './compactor.ts';
import { loadEventStore } from './load-event-store.ts';
import type { PeerLinks } from './ports.ts';
import { RaftHost } from './raft-host.ts';

export class ForeignDirectoryError extends DomainError {
  readonly code = 'FOREIGN_DIRECTORY';

  constructor(directory: string, owner: string, name: string) {
    super(
      `${directory} holds the data of controller '${owner}', this one is '${name}': ` +
        'give each controller a directory of its own',
    );
  }
}

export type ReplicaOptions = {
  readonly directory: string;
  readonly groupId: string;
  readonly name: string;
  /** The founding members, in the order of their seats. Read only by a fresh directory. */
  readonly founders: readonly { readonly name: string; readonly address: string }[];
  readonly timing: {
    readonly tickMs: number;
    readonly heartbeatMs: number;
    readonly electionMs: number;
  };
  readonly links: PeerLinks;
  readonly clock: Clock;
  readonly log: Log;
  readonly seed: number;
  readonly onFatal: (error: unknown) => void;
  readonly disk?: StoreDisk;
  readonly compaction?: CompactionLimits;
};

export type Replica = { readonly host: RaftHost; readonly storage: ReplicaStore };

const MIB = 1_024 * 1_024;
const LIMITS = {
  maxAppendBytes: 512 * 1_024,
  maxInflightAppends: 64,
  maxInflightBytes: 8 * MIB,
  maxUncommittedBytes: 32 * MIB,
  cacheBytes: 8 * MIB,
} as const;

/**
 * Opens (or founds) the replica in a directory and puts the loop around it; `host.start()` sets it off.
 *
 * @throws ForeignDirectoryError and the errors of `openReplicaStore`
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const { directory, groupId, name, timing, clock, disk } = options;
  const where = disk === undefined ? { directory, groupId } : { directory, groupId, disk };
  const opened = await openReplicaStore(where);
  const { store: storage } = opened;
  const membership = foundingMembership(options.founders);
  const self = membership.members.find((member) => member.name === name)?.id ?? 0;
  const recovered = opened.recovered.bootstrapped
    ? opened.recovered
    : await storage.bootstrap({ groupId, memberId: self, membership });
  const { members } = recovered.membership;
  const seated = members.find((member) => member.id === recovered.memberId)?.name;
  if (seated !== undefined && seated !== name) {
    await storage.close();
    throw new ForeignDirectoryError(directory, seated, name);
  }
  const config: RaftConfig = {
    self: recovered.memberId,
    heartbeatTicks: Math.round(timing.heartbeatMs / timing.tickMs),
    electionTicks: Math.round(timing.electionMs / timing.tickMs),
    ...LIMITS,
  };
  const host = new RaftHost({
    raft: createRaft(config, recovered, seededPrng(options.seed)),
    store: await loadEventStore(storage),
    storage,
    links: options.links,
    clock,
    log: options.log,
    tickMs: timing.tickMs,
    electionTimeoutMs: timing.electionMs,
    applied: { index: recovered.appliedIndex, term: recovered.appliedTerm },
    onFatal: options.onFatal,
    compaction: options.compaction ?? COMPACTION,
  });
  return { host, storage };
}

/** Seats are given by position in the list, which is the same in every founder's configuration. */
function foundingMembership(founders: ReplicaOptions['founders']): Membership {
  const members = founders.map(({ name, address }, position) => ({
    id: position + 1,
    name,
    address,
  }));
  const voters = members.map((member) => member.id);
  return { members, voters, outgoing: [], learners: [] };
}
