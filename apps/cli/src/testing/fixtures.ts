import type { ClusterView, InstanceView, RecordedEventJson, StatusAnswer } from '#libs/api';

export function instance(over: Partial<InstanceView> & { name: string }): InstanceView {
  return {
    role: 'standby',
    state: 'streaming',
    timeline: 3,
    lsn: '0/5000148',
    lagBytes: '0',
    lagText: '0 B',
    receivingFrom: 'pg1',
    guard: { attached: true, epoch: null, remainingMs: null },
    agent: { heardAgeMs: 140 },
    rebuild: null,
    upstreamRemark: null,
    slots: [],
    pendingRestart: [],
    maintenance: false,
    actedVersion: null,
    activity: null,
    problem: null,
    stall: null,
    postgres: `10.0.0.1${over.name.at(-1)}:5432`,
    agentUrl: `http://10.0.0.1${over.name.at(-1)}:8008`,
    tags: {
      noFailover: false,
      noLoadBalance: false,
      failoverPriority: 1,
      noSync: false,
      syncPriority: 1,
      noStream: false,
      cloneFrom: false,
      custom: {},
    },
    ...over,
  };
}

const primary = instance({
  ...{ name: 'pg1', role: 'primary', state: 'serving', receivingFrom: null },
  ...{ lagBytes: null, lagText: null, guard: { attached: true, epoch: 4, remainingMs: 2_612 } },
});

export function cluster(over: Partial<ClusterView> = {}): ClusterView {
  return {
    name: 'main',
    phase: 'serving',
    operation: null,
    copiesAside: [],
    paused: false,
    restart: null,
    following: null,
    synchronous: null,
    failsafe: null,
    lease: { kind: 'Held', epoch: 4, holder: 'pg1', serving: true },
    unheardForMs: null,
    systemIdentifier: '7350000000000000001',
    timeline: 3,
    version: 31,
    sequence: 33,
    instances: [primary, instance({ name: 'pg2' }), instance({ name: 'pg3' })],
    ...over,
  };
}

export function status(over: Partial<StatusAnswer> = {}): StatusAnswer {
  const controllers = ['c1', 'c2', 'c3'].map((name, index) => ({
    name,
    address: `10.0.0.${index + 1}:7400`,
    apiUrl: null,
    role: name === 'c2' ? ('leader' as const) : ('follower' as const),
    term: 3,
    commitIndex: 1_204,
    appliedIndex: 1_204,
    reachable: true,
    remarks: [],
  }));
  return { controller: 'c2', leader: 'c2', controllers, clusters: [cluster()], ...over };
}

export function recorded(
  sequence: number,
  text: string,
  event: RecordedEventJson['event'],
): RecordedEventJson {
  return {
    cluster: 'main',
    sequence,
    version: sequence,
    at: 1_750_000_000_000 + sequence * 20,
    cause: { by: 'leader c2', rule: 'test' },
    text,
    event,
  };
}
