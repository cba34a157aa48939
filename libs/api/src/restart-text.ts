import type { RestartEvent, RestartPlan } from '#libs/cluster';
import { isoTime, unreachable } from '#libs/kernel';

/** What happened to a planned restart of PostgreSQL. */
export function restartText(event: RestartEvent): string {
  switch (event.type) {
    case 'RestartPlanned': {
      const { instances, rolling, onlyPending, notBefore } = event;
      const how = rolling ? ' one after another, the primary after a switchover' : '';
      const where = onlyPending ? ' where a setting waits for it' : '';
      const when = notBefore === null ? '' : `, not before ${isoTime(notBefore)}`;
      return `PostgreSQL is to be restarted${where} on ${instances.join(', ')}${how}${when}`;
    }
    case 'RestartOrdered':
      return `${event.instance} restarts PostgreSQL${event.asPrimary ? ' as primary, in place' : ''}`;
    case 'RestartSkipped':
      return `${event.instance} is not restarted: ${event.reason}`;
    case 'RestartDone':
      return event.tookMs === 0
        ? `${event.instance} serves again after its restart`
        : `${event.instance} serves again, restarted in ${event.tookMs} ms`;
    case 'RestartEnded':
      return event.outcome === 'failed'
        ? `the restart was given up: ${event.reason}`
        : `the restart is ${event.outcome}: ${event.reason}`;
    default:
      return unreachable(event);
  }
}

/** What is left of a plan, in one line; null when there is none. */
export function restartPlanText(plan: RestartPlan | null | undefined): string | null {
  if (plan == null) return null;
  const { current, instances, notBefore, rolling } = plan;
  const kind = rolling ? 'rolling restart' : 'restart';
  if (current !== null) {
    const left = instances.filter((name) => name !== current.instance).join(', ') || 'nobody';
    return `${kind}: ${current.instance} is restarted; then ${left}`;
  }
  const when = notBefore === null ? '' : ` planned for ${isoTime(notBefore)}`;
  return `${kind}${when}: ${instances.join(', ')} to go`;
}
