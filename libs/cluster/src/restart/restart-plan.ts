import type { EpochMs, InstanceName } from '#libs/kernel';
import type { RestartEvent } from './restart-events.ts';

/** A restart that is planned or under way. */
export type RestartPlan = {
  /** Not restarted yet; the first is next. */
  readonly instances: readonly InstanceName[];
  readonly done: readonly InstanceName[];
  readonly rolling: boolean;
  readonly onlyPending: boolean;
  readonly notBefore: EpochMs | null;
  readonly startedAt: Readonly<Record<string, EpochMs>>;
  readonly current: {
    readonly instance: InstanceName;
    readonly startedAt: EpochMs;
    readonly asPrimary: boolean;
  } | null;
};

/** Null once it has ended. */
export function evolveRestart(plan: RestartPlan | null, event: RestartEvent): RestartPlan | null {
  switch (event.type) {
    case 'RestartPlanned': {
      const { instances, rolling, onlyPending, notBefore, startedAt } = event;
      const how = { rolling, onlyPending, notBefore, startedAt };
      return { instances, done: [], ...how, current: null };
    }
    case 'RestartOrdered': {
      const { instance, startedAt, asPrimary } = event;
      return plan === null ? null : { ...plan, current: { instance, startedAt, asPrimary } };
    }
    case 'RestartSkipped':
    case 'RestartDone': {
      if (plan === null) return null;
      const instances = plan.instances.filter((name) => name !== event.instance);
      return { ...plan, instances, done: [...plan.done, event.instance], current: null };
    }
    case 'RestartEnded':
      return null;
  }
}
