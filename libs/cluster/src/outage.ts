import type { Epoch, EpochMs, InstanceName } from '#libs/kernel';
import type { DivergedWal } from './diverged-wal.ts';
import type { ClusterEvent } from './events.ts';
import type { FailoverTrigger, PhaseDurations } from './outage-events.ts';
import type { RecordedEvent } from './recorded-event.ts';

/** One failover or switchover, as the ledger of a cluster keeps it. */
export type Outage = {
  /** Counts the outages of a cluster, from 1. */
  readonly number: number;
  readonly kind: 'failover' | 'switchover';
  /** Null for a switchover, which an operator ordered. */
  readonly trigger: FailoverTrigger | null;
  /** Who or what began it. */
  readonly by: string;
  readonly from: InstanceName;
  /** The instance that was chosen last; null while none is. */
  readonly to: InstanceName | null;
  /** The epoch that ended. */
  readonly epoch: Epoch;
  /** Of the event that began it. */
  readonly sequence: number;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs | null;
  readonly outcome: 'running' | 'completed' | 'given-up';
  /** Why it was given up. */
  readonly reason: string | null;
  /** How often it was begun: a candidate that could not be promoted makes it begin again. */
  readonly attempts: number;
  readonly phasesMs: PhaseDurations;
  /** WAL known of the old primary that the new one lacks; null when it cannot be told. */
  readonly lostBytes: bigint | null;
  /** From the end until every standby streamed from the new primary; null until then. */
  readonly followMs: number | null;
  /** What the old primary had written alone, once it was back; absent when nothing was found. */
  readonly divergedWal?: DivergedWal;
};

/** What the ledger's last entry is after `event`; `soFarMs` are the phases of what was under way before. */
export function outageAfter(
  last: Outage | null,
  soFarMs: PhaseDurations,
  { event, sequence, at, cause }: RecordedEvent,
): Outage | null {
  switch (event.type) {
    case 'FailoverStarted':
      return failoverBegun(last, soFarMs, event, { sequence, at, by: cause.by });
    case 'SwitchoverStarted': {
      const { from, to, epoch } = event;
      const begun = { sequence, startedAt: at, by: cause.by };
      return { ...fresh(last), kind: 'switchover', trigger: null, from, to, epoch, ...begun };
    }
    case 'LeaseGranted':
      return last?.outcome === 'running' ? { ...last, to: event.holder } : last;
    case 'FailoverCompleted':
    case 'SwitchoverCompleted':
      return completed(last, event, at);
    case 'FailoverAborted':
    case 'SwitchoverAbandoned': {
      if (last?.outcome !== 'running') return last;
      const phasesMs = summed(last.phasesMs, soFarMs);
      return { ...last, outcome: 'given-up', reason: event.reason, endedAt: at, phasesMs };
    }
    case 'StandbysFollowed': {
      if (last === null || last.endedAt === null || last.followMs !== null) return last;
      return { ...last, followMs: at - last.endedAt };
    }
    case 'DivergedWalKept':
      return last?.from === event.instance ? { ...last, divergedWal: event.wal } : last;
    default:
      return last;
  }
}

/** A failover that is begun anew (the candidate failed, an operator changed it) is the same outage. */
function failoverBegun(
  last: Outage | null,
  soFarMs: PhaseDurations,
  event: Extract<ClusterEvent, { type: 'FailoverStarted' }>,
  { sequence, at, by }: { readonly sequence: number; readonly at: EpochMs; readonly by: string },
): Outage {
  const { primary, epoch, trigger } = event;
  if (last?.outcome === 'running' && last.kind === 'failover') {
    const phasesMs = summed(last.phasesMs, soFarMs);
    return { ...last, attempts: last.attempts + 1, phasesMs, to: null };
  }
  const begun = { sequence, startedAt: at, by };
  return { ...fresh(last), kind: 'failover', trigger, from: primary, to: null, epoch, ...begun };
}

function fresh(last: Outage | null) {
  return {
    number: (last?.number ?? 0) + 1,
    endedAt: null,
    outcome: 'running',
    reason: null,
    attempts: 1,
    phasesMs: {},
    lostBytes: null,
    followMs: null,
  } as const;
}

function completed(
  last: Outage | null,
  event: Extract<ClusterEvent, { type: 'FailoverCompleted' | 'SwitchoverCompleted' }>,
  at: EpochMs,
): Outage | null {
  if (last?.outcome !== 'running') return last;
  const phasesMs = summed(last.phasesMs, event.phasesMs);
  const lostBytes = event.type === 'FailoverCompleted' ? event.lostBytes : 0n;
  const to = event.primary;
  return { ...last, outcome: 'completed', to, endedAt: at, phasesMs, lostBytes };
}

function summed(a: PhaseDurations, b: PhaseDurations): PhaseDurations {
  const sum: Record<string, number> = { ...a };
  for (const [phase, durationMs] of Object.entries(b)) sum[phase] = (sum[phase] ?? 0) + durationMs;
  return sum;
}
