import type { Epoch, InstanceName, TimelineId } from '#libs/kernel';
import type { DivergedWal } from './diverged-wal.ts';
import type { ServerFacts } from './server-facts.ts';
import type { LastKnownPosition } from './wal-position.ts';

export type FailoverTrigger =
  /** Synchronous: renewals are missing and the standbys' own probes failed; the lease is not waited for. */
  | 'primary-unreachable'
  | 'lease-expired'
  | 'lease-released'
  | 'postgres-down'
  | 'promotion-failed'
  /** Its guard lives without an agent, and somebody else can take over. */
  | 'agent-absent'
  /** It runs, but WAL does not get to its disk, or nobody can connect; the lease is renewed all the same. */
  | 'primary-hung'
  | 'operator';

/** Since which level of the protocol an operator may have a copy aside put back. */
export const COPY_ASIDE_LEVEL = 10;

/** Milliseconds that each phase of an outage took, in log time of the leader. */
export type PhaseDurations = Readonly<Record<string, number>>;

/** What happens from the loss of a primary, or its hand-over, until everybody follows the next one. */
export type OutageEvent =
  | {
      readonly type: 'FailoverStarted';
      readonly epoch: Epoch;
      readonly primary: InstanceName;
      readonly trigger: FailoverTrigger;
      readonly lastKnown: LastKnownPosition | null;
      /** An operator's order: candidates beyond the lag limit are allowed, or one is asked for. */
      readonly candidate: InstanceName | null;
      readonly acceptLoss: boolean;
      /** The earlier copy of the candidate, which a rebuild had put aside, is put back first. Absent: it is not. */
      readonly copyAside?: true;
      /** Instances that failed in this outage already and are not tried again. */
      readonly excluded: readonly InstanceName[];
      /** From the last sign of life to this verdict. */
      readonly detectMs: number;
    }
  | { readonly type: 'FailoverAborted'; readonly reason: string }
  | {
      readonly type: 'FailoverCompleted';
      readonly primary: InstanceName;
      readonly phasesMs: PhaseDurations;
      /** Known position of the old primary minus the new one's; null when none was known. */
      readonly lostBytes: bigint | null;
    }
  | {
      readonly type: 'SwitchoverStarted';
      readonly epoch: Epoch;
      readonly from: InstanceName;
      readonly to: InstanceName;
    }
  | { readonly type: 'SwitchoverAbandoned'; readonly reason: string }
  | {
      readonly type: 'SwitchoverCompleted';
      readonly primary: InstanceName;
      readonly phasesMs: PhaseDurations;
    }
  /** What candidates are compared with once this primary is lost. */
  | {
      readonly type: 'PrimaryMeasured';
      readonly instance: InstanceName;
      readonly server: ServerFacts;
    }
  /** After a failover or switchover: every member streams from the new primary. */
  | {
      readonly type: 'StandbysFollowed';
      readonly primary: InstanceName;
      readonly standbys: readonly InstanceName[];
    }
  /** Before a rewind took it away: what the instance had written alone. */
  | {
      readonly type: 'DivergedWalKept';
      readonly instance: InstanceName;
      readonly wal: DivergedWal;
      /** It ended on a timeline that nobody was granted (`pg_ctl promote` by hand): never to be given out. */
      readonly taken?: TimelineId;
    }
  /** An operator has seen failover `outage` of the ledger: its anti-flap window is closed. */
  | { readonly type: 'FailoverAcknowledged'; readonly outage: number };

const TYPES: Readonly<Record<OutageEvent['type'], true>> = {
  FailoverStarted: true,
  FailoverAborted: true,
  FailoverCompleted: true,
  SwitchoverStarted: true,
  SwitchoverAbandoned: true,
  SwitchoverCompleted: true,
  PrimaryMeasured: true,
  StandbysFollowed: true,
  DivergedWalKept: true,
  FailoverAcknowledged: true,
};

export function isOutageEvent(event: { readonly type: string }): event is OutageEvent {
  return Object.hasOwn(TYPES, event.type);
}
