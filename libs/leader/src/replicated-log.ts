import { type Command, type EventStore, packCommand, packEnvelope } from '#libs/event-store';
import type { MonotonicMs } from '#libs/kernel';
import type { LogIndex, MemberId, RaftStatus, RoleChange } from '#libs/raft';
import type { ProposalOwner } from './proposals.ts';
import type { RoundOwner, RoundPace } from './round-scheduler.ts';

/** The replicated log as the parts of a leader use it: the raft host, or a simulated one. */
export interface ReplicatedLog {
  readonly store: Pick<EventStore, 'cluster' | 'clusters' | 'ports' | 'protocol'>;
  readonly applies: { whenApplied(index: LogIndex, reached: () => void): void };
  readonly role: RoleChange;
  propose(payload: Uint8Array, owner: ProposalOwner): void;
  /** Confirms leadership by a round that begins after this call. */
  confirm(owner: RoundOwner, pace?: RoundPace): void;
  status(): Pick<RaftStatus, 'membership' | 'self'>;
  transferLeadership(to: MemberId): boolean;
  schedule(): void;
  nowMs(): MonotonicMs;
}

/** What it takes to propose. */
export interface ProposingLog extends Pick<ReplicatedLog, 'propose'> {
  readonly store: Pick<EventStore, 'ports'>;
}

/** Proposes on behalf of this controller. */
export function proposeCommand(log: ProposingLog, command: Command, owner: ProposalOwner): void {
  const { ports } = log.store;
  const body = packCommand(ports, command);
  log.propose(packEnvelope(ports, { from: 'controller', body }), owner);
}
