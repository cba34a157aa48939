import { type Clock, seededPrng } from '#libs/kernel';
import { createRaft, type RaftConfig } from '#libs/raft';
import type { ReplicaStore } from '#libs/storage';
import type { Log } from '../log.ts';
import { COMPACTION, type CompactionLimits } from './compactor.ts';
import { loadEventStore } from './load-event-store.ts';
import type { Seat } from './open-seat.ts';
import type { PeerLinks } from './ports.ts';
import { RaftHost } from './raft-host.ts';

export type ReplicaOptions = {
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
  readonly compaction?: CompactionLimits;
};

/** Renewals of a steady lease wait for the next heartbeat that is answered: a fraction of what a guard waits for. */
const ANSWER_MS = 200;

export type Replica = { readonly host: RaftHost; readonly storage: ReplicaStore };

const MIB = 1_024 * 1_024;
const LIMITS = {
  maxAppendBytes: 512 * 1_024,
  maxInflightAppends: 64,
  maxInflightBytes: 8 * MIB,
  maxUncommittedBytes: 32 * MIB,
  /**
   * A tenth of a second of the highest load; what a follower lacks beyond it is read from the disk.
   * Entries that go so soon die young: V8 need not move them to its old heap and mark them there.
   */
  cacheBytes: 512 * 1_024,
} as const;

/** Puts the loop around an open seat; `host.start()` sets it off. */
export async function openReplica(seat: Seat, options: ReplicaOptions): Promise<Replica> {
  const { storage, recovered } = seat;
  const { timing, clock } = options;
  const heartbeatTicks = Math.round(timing.heartbeatMs / timing.tickMs);
  const electionTicks = Math.round(timing.electionMs / timing.tickMs);
  const config: RaftConfig = {
    self: recovered.memberId,
    heartbeatTicks,
    answerTicks: Math.min(Math.floor(ANSWER_MS / timing.tickMs), Math.floor(electionTicks / 2)),
    firstElectionTicks: 2 * heartbeatTicks,
    electionTicks,
    ...LIMITS,
  };
  const { membershipIndex: index, membership } = recovered;
  const host = new RaftHost({
    raft: createRaft(config, recovered, seededPrng(options.seed)),
    store: await loadEventStore(storage),
    storage,
    links: options.links,
    clock,
    log: options.log,
    tickMs: timing.tickMs,
    electionTimeoutMs: timing.electionMs,
    applied: {
      index: recovered.appliedIndex,
      term: recovered.appliedTerm,
      membership: { index, membership },
    },
    onFatal: options.onFatal,
    compaction: options.compaction ?? COMPACTION,
  });
  return { host, storage };
}
