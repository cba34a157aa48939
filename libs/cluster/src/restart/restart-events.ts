import type { EpochMs, InstanceName } from '#libs/kernel';

/** Restarts of PostgreSQL that an operator asked for, one instance at a time. */
export type RestartEvent =
  | {
      readonly type: 'RestartPlanned';
      /** In the order in which they are restarted. */
      readonly instances: readonly InstanceName[];
      /** The primary hands over first, and is restarted as a standby. */
      readonly rolling: boolean;
      /** Only where a setting waits for a restart. */
      readonly onlyPending: boolean;
      /** Null: at once. */
      readonly notBefore: EpochMs | null;
      /** Of each postmaster at that time, where known: one that was started since is left alone. */
      readonly startedAt: Readonly<Record<string, EpochMs>>;
    }
  /** `startedAt`: of the postmaster that is to go; one that was started since is not restarted again. */
  | {
      readonly type: 'RestartOrdered';
      readonly instance: InstanceName;
      readonly startedAt: EpochMs;
      readonly asPrimary: boolean;
    }
  | { readonly type: 'RestartSkipped'; readonly instance: InstanceName; readonly reason: string }
  | {
      readonly type: 'RestartDone';
      readonly instance: InstanceName;
      /** Since it was ordered; 0: the leader that ordered it is gone. */
      readonly tookMs: number;
    }
  | {
      readonly type: 'RestartEnded';
      readonly outcome: 'completed' | 'cancelled' | 'failed';
      readonly reason: string;
    };

export function isRestartEvent(event: { readonly type: string }): event is RestartEvent {
  return event.type.startsWith('Restart');
}
