import * as z from 'zod';
import { refusalSchema } from './problem.ts';
import { recordedEventSchema } from './recorded-event.ts';

const controllerView = z.object({
  name: z.string(),
  /** Where other processes reach it. */
  address: z.string(),
  /** Its HTTP API, null when it never said. */
  apiUrl: z.string().nullable(),
  role: z.enum(['leader', 'follower', 'candidate', 'learner', 'unknown']),
  term: z.int().nullable(),
  commitIndex: z.int().nullable(),
  appliedIndex: z.int().nullable(),
  reachable: z.boolean(),
  /** What an operator has to do something about, in words. */
  remarks: z.array(z.string()).default([]),
});

const INSTANCE_STATES = [
  'serving',
  'read-only',
  'streaming',
  'not streaming',
  'starting',
  'stopping',
  'stopped',
  'empty',
  'unfinished',
  'unusable',
  'foreign',
  'unresponsive',
  'silent',
  /** Not heard by this controller, which leads for a moment only, or not at all. */
  'unheard',
  'rebuilding',
  'needs-rebuild',
] as const;

const instanceView = z.object({
  name: z.string(),
  /** What PostgreSQL says it is, or who of a standby cluster leads; null while nobody knows. */
  role: z.enum(['primary', 'standby', 'standby-leader']).nullable(),
  state: z.enum(INSTANCE_STATES),
  timeline: z.int().nullable(),
  /** Written by a primary, received by a standby, as 0/3000060. */
  lsn: z.string().nullable(),
  /** Not yet received of what the primary last reported; decimal text. */
  lagBytes: z.string().nullable(),
  lagText: z.string().nullable(),
  /** Name of the instance that it streams from, or an address that no member has. */
  receivingFrom: z.string().nullable(),
  guard: z.object({
    attached: z.boolean(),
    /** The epoch that it renews, and how long PostgreSQL may still write. */
    epoch: z.int().nullable(),
    remainingMs: z.number().nullable(),
  }),
  agent: z.object({
    /** Age of the last report; null when there was none since this leader began. */
    heardAgeMs: z.number().nullable(),
  }),
  /** Its data is built anew, or was to be in vain; null when neither. */
  rebuild: z
    .object({
      order: z.int(),
      trigger: z.string(),
      reason: z.string(),
      methods: z.array(z.string()),
      method: z.string().nullable(),
      phase: z.string(),
      /** Decimal text. */
      doneBytes: z.string(),
      totalBytes: z.string().nullable(),
      bytesPerSecond: z.number().nullable(),
      secondsLeft: z.number().nullable(),
      failures: z.array(z.object({ method: z.string(), reason: z.string() })),
      cancelled: z.boolean(),
    })
    .nullable()
    .default(null),
  /** Why it does not stream from the one that its tag replicateFrom names; null when it does. */
  upstreamRemark: z.string().nullable().default(null),
  /** Settings that wait for a restart, with the value in force and the one after it. */
  pendingRestart: z
    .array(z.object({ name: z.string(), running: z.string(), configured: z.string() }))
    .default([]),
  /** Its replication slots; sizes as decimal text. */
  slots: z
    .array(
      z.object({
        name: z.string(),
        type: z.enum(['physical', 'logical']),
        active: z.boolean(),
        walStatus: z.string().nullable(),
        danger: z.enum(['endangered', 'lost']).nullable(),
        retainedBytes: z.string().nullable(),
        safeBytes: z.string().nullable(),
      }),
    )
    .default([]),
  /** An operator works on it; nothing is done here by itself. */
  maintenance: z.boolean().default(false),
  /** The version of the cluster's events that its agent has acted on. */
  actedVersion: z.int().nullable().default(null),
  activity: z.string().nullable(),
  problem: z.string().nullable(),
  /** What hangs at a primary that runs, in words; null when nothing does. */
  stall: z.string().nullable().default(null),
  postgres: z.string(),
  agentUrl: z.string(),
  tags: z.object({
    noFailover: z.boolean(),
    noLoadBalance: z.boolean(),
    failoverPriority: z.int(),
    // A controller of an older version does not tell them.
    noSync: z.boolean().default(false),
    syncPriority: z.int().default(1),
    zone: z.string().exactOptional(),
    replicateFrom: z.string().exactOptional(),
    noStream: z.boolean().default(false),
    cloneFrom: z.boolean().default(false),
    custom: z.record(z.string(), z.string()).default({}),
  }),
});

export const clusterView = z.object({
  name: z.string(),
  /**
   * new: no primary yet; serving: a primary accepts writes; standby: it follows another cluster; down: it
   * should do one of the two, and does not.
   */
  phase: z.enum(['new', 'serving', 'standby', 'down']),
  /** bootstrap, failover or switchover under way, in words; null when none is. */
  operation: z.string().nullable(),
  /** Copies aside that an operator may take while nobody can serve, in words, and by which order. */
  copiesAside: z.array(z.object({ text: z.string(), order: z.string() })).default([]),
  paused: z.boolean(),
  /** Restarts of PostgreSQL that are planned or under way, in words. */
  restart: z.string().nullable().default(null),
  /** A synchronous mode that is not in force yet, in words; null when there is none. */
  synchronous: z.string().nullable().default(null),
  /** Whether members' promises would keep the primary without controllers, or do now; null when it is off. */
  failsafe: z.string().nullable().default(null),
  lease: z.object({
    kind: z.enum(['NeverGranted', 'Held', 'Released', 'Expired', 'Fenced']),
    epoch: z.int().nullable(),
    holder: z.string().nullable(),
    serving: z.boolean(),
  }),
  /** The cluster that it follows; null when it is on its own. */
  following: z
    .object({
      /** Null: no server is followed, only its archive. */
      host: z.string().nullable(),
      port: z.int().nullable(),
      slot: z.string().nullable(),
      /** The tool of the archive that is followed in the place of a server. */
      archive: z.string().nullable().default(null),
      /** Streams or replays from there; the others from it. */
      leader: z.string().nullable(),
      /** Where this cluster stopped writing, as `promote-cluster --last-written` takes it. */
      stoppedAt: z.string().nullable(),
    })
    .nullable()
    .default(null),
  /** For so long the present leader listens, and has not heard all instances; null when it has. */
  unheardForMs: z.number().nullable().default(null),
  systemIdentifier: z.string().nullable(),
  timeline: z.int().nullable(),
  version: z.int(),
  sequence: z.int(),
  instances: z.array(instanceView),
});

export const statusAnswer = z.object({
  /** The controller that answers. */
  controller: z.string(),
  leader: z.string().nullable(),
  controllers: z.array(controllerView),
  /** Positions and ages are known to the leader; other controllers show committed state only. */
  clusters: z.array(clusterView),
});

export const explainAnswer = z.object({
  cluster: z.string(),
  /** What the controllers wait for or do, in words. */
  summary: z.string(),
  instances: z.array(
    z.object({
      name: z.string(),
      /** What it should be, and why. */
      goal: z.string(),
      /** What it is. */
      condition: z.string(),
      problem: z.string().nullable(),
      /** Whether it could take over now; null of the primary, and from a controller that does not lead. */
      candidate: z
        .object({
          eligible: z.boolean(),
          refusals: z.array(refusalSchema),
          lagBytes: z.string().nullable(),
          failoverPriority: z.int(),
          zone: z.string().nullable(),
          remarks: z.array(z.string()),
        })
        .nullable()
        .default(null),
    }),
  ),
  lastRefusal: z
    .object({ action: z.string(), at: z.number(), refusals: z.array(refusalSchema) })
    .nullable(),
});

/** The answer to an order: it is committed, its outcome follows in the events after `sequence`. */
export const orderAnswer = z.object({
  cluster: z.string(),
  /** The last sequence before the events of this order. */
  sequence: z.int(),
  events: z.array(recordedEventSchema),
  /** Why there was nothing to do; null when something was recorded. */
  satisfied: z.string().nullable(),
});

export type ControllerView = z.output<typeof controllerView>;
export type InstanceView = z.output<typeof instanceView>;
export type InstanceState = InstanceView['state'];
export type ClusterView = z.output<typeof clusterView>;
export type StatusAnswer = z.output<typeof statusAnswer>;
export type ExplainAnswer = z.output<typeof explainAnswer>;
export type OrderAnswer = z.output<typeof orderAnswer>;
