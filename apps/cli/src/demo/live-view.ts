import type { EventsAnswer, StatusAnswer } from '#libs/api';
import type { ClientView } from '#libs/outage';
import type { ClusterPlan } from './plan.ts';
import type { ControllerRow, DemoView, InstanceRow } from './screen.ts';

type RecordedEvent = EventsAnswer['events'][number];
type Instance = StatusAnswer['clusters'][number]['instances'][number];
type Lease = StatusAnswer['clusters'][number]['lease'];

/** What the live demo knows at one moment. */
export type LiveState = {
  readonly plan: ClusterPlan;
  readonly upSeconds: number;
  /** Null until a controller answers. */
  readonly status: StatusAnswer | null;
  readonly events: readonly RecordedEvent[];
  readonly client: ClientView;
  readonly worstGapMs: number;
  readonly faultSeen: boolean;
  readonly lost: number | null;
  readonly message: string;
};

/** Pure. */
export function liveView(state: LiveState): DemoView {
  const { plan, status, client } = state;
  const cluster = status?.clusters.find(({ name }) => name === plan.cluster);
  return {
    cluster: plan.cluster,
    directory: plan.directory,
    upSeconds: state.upSeconds,
    controllers: plan.controllers.map(({ name }) => controllerRow(name, status)),
    instances: plan.instances.map(({ name }) => {
      const seen = cluster?.instances.find((instance) => instance.name === name);
      return instanceRow(name, seen, cluster?.lease);
    }),
    client: {
      acknowledged: client.totalAcknowledged,
      host: client.lastHost,
      openGapMs: client.openGapMs,
      worstGapMs: Math.max(state.worstGapMs, client.gapMs),
      lastFaultGapMs: state.faultSeen ? client.gapMs : null,
      dual: client.dual,
      lost: state.lost,
    },
    events: state.events.map(({ at, text }) => `${timeOfDay(at)} ${text}`),
    message: state.message,
  };
}

function controllerRow(name: string, status: StatusAnswer | null): ControllerRow {
  if (status === null) return { name, role: 'down' };
  if (status.leader === name) return { name, role: 'leader' };
  const seen = status.controllers.find((controller) => controller.name === name);
  const reachable = seen?.reachable === true || status.controller === name;
  return { name, role: reachable ? 'follower' : 'down' };
}

function instanceRow(
  name: string,
  seen: Instance | undefined,
  lease: Lease | undefined,
): InstanceRow {
  if (seen === undefined) {
    const unknown = { role: '-', state: 'not heard yet', timeline: '-', lag: '-', lease: '-' };
    return { name, ...unknown, healthy: false };
  }
  const holds = lease?.holder === name && lease.kind === 'Held';
  return {
    name,
    role: seen.role ?? '-',
    state: seen.problem ?? seen.activity ?? stateText(seen),
    timeline: seen.timeline === null ? '-' : String(seen.timeline),
    lag: seen.lagText ?? '-',
    lease: holds ? `epoch ${lease.epoch}` : '-',
    healthy: seen.state === 'serving' || seen.state === 'streaming',
  };
}

function stateText({ state, receivingFrom }: Instance): string {
  return receivingFrom === null ? state : `${state} from ${receivingFrom}`;
}

function timeOfDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(11, 19);
}
