import * as z from 'zod';
import { type AgentReport, REBUILD_METHODS } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { MalformedMessageError } from '#libs/protocol';

const lsn = z.bigint().min(0n);
const count = z.number().min(0);
const text = z.string().max(4_096);
const timeline = z.int().min(1);
const endpoint = z.object({ host: z.string().max(255), port: z.int().min(0).max(65_535) });
const position = z.object({ timeline, lsn });

const dataDirectory = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('empty') }),
  z.object({ kind: z.literal('unfinished'), work: text }),
  z.object({ kind: z.literal('unusable'), why: text }),
  z.object({
    kind: z.literal('initialised'),
    systemIdentifier: z.string().max(64),
    walEnd: position.nullable(),
    timeline,
    ancestors: z.array(z.object({ timeline, forkLsn: lsn })).max(10_000),
    cleanShutdown: z.boolean(),
  }),
]);

const connection = z.object({
  applicationName: z.string().max(255),
  host: z.string().max(255).nullable(),
  state: z.string().max(64),
  flushLsn: lsn.nullable(),
  replayLsn: lsn.nullable(),
  syncState: z.string().max(64),
  foreign: z.boolean().optional(),
});

const receiver = z.object({
  streaming: z.boolean(),
  from: endpoint.nullable(),
  latestEndLsn: lsn.nullable(),
  latestEndAgeMs: z.number().nullable(),
});

const synchronous = z.object({
  setting: z
    .object({
      method: z.enum(['first', 'any']),
      names: z.array(z.string().max(255)).max(100),
      count: z.int().min(0).max(100),
    })
    .nullable(),
  proved: z.boolean(),
  order: z.int().min(0).nullable(),
  flushedTo: lsn.nullable(),
  absent: z.array(z.object({ name: z.string().max(255), forMs: count })).max(100),
});

const postgres = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('stopped') }),
  z.object({
    kind: z.literal('starting'),
    progress: lsn.nullable(),
    sinceMs: count,
    stalledForMs: count.optional(),
  }),
  z.object({ kind: z.literal('stopping') }),
  z.object({
    kind: z.literal('primary'),
    timeline,
    writeLsn: lsn,
    readOnly: z.boolean(),
    standbys: z.array(connection).max(1_000),
    synchronous: synchronous.optional(),
  }),
  z.object({
    kind: z.literal('standby'),
    timeline,
    receivedLsn: lsn.nullable(),
    replayedLsn: lsn.nullable(),
    receiver: receiver.nullable(),
    synchronous: synchronous.optional(),
  }),
  z.object({ kind: z.literal('foreign'), pid: z.int() }),
  z.object({ kind: z.literal('unresponsive'), why: text }),
]);

const guard = z.object({
  incarnation: z.string().max(64),
  epoch: z.int().nullable(),
  remainingMs: z.number().nullable(),
});

const detached = z.object({
  throughEpoch: z.int(),
  position,
  streamed: z.object({ timeline, beforeDetachMs: count }).optional(),
});

const probes = z.object({
  primaryInstance: z.string().max(255),
  epoch: z.int().min(1),
  guardAnswered: z.boolean(),
  agentAnswered: z.boolean(),
  postgresAnswered: z.boolean(),
  receiverReset: z.boolean(),
  ageMs: count,
});

const server = z.object({
  versionNum: z.int().min(0),
  settings: z.record(z.string().max(63), z.number()),
  collation: z.string().max(255).nullable(),
});

const bytes = z.bigint().min(0n);
const method = z.enum(REBUILD_METHODS);
const rebuild = z.object({
  wants: text.nullable(),
  order: z.int().nullable(),
  phase: z.string().max(32),
  method: method.nullable(),
  doneBytes: bytes,
  totalBytes: bytes.nullable(),
  bytesPerSecond: count.nullable(),
  secondsLeft: count.nullable(),
  tookMs: count,
  failures: z.array(z.object({ method, reason: text })).max(20),
});

const aside = z.object({ directory: text, systemIdentifier: z.string().max(64), position });

const divergedWal = z.object({
  keptAt: count,
  path: text,
  from: position,
  to: position,
  keptBytes: count,
  truncated: z.boolean(),
  committed: count,
  aborted: count,
  firstCommit: z.string().max(64).nullable(),
  lastCommit: z.string().max(64).nullable(),
  relations: z.array(z.object({ name: z.string().max(255), records: count })).max(100),
  moreRelations: count,
});

const reportShape = z.object({
  instance: z.string().transform(instanceName),
  actedVersion: z.int().min(0),
  postgresEndpoint: endpoint,
  agentEndpoint: endpoint,
  tags: z.object({
    noFailover: z.boolean(),
    noLoadBalance: z.boolean(),
    failoverPriority: z.int(),
    noSync: z.boolean().optional(),
    syncPriority: z.int().optional(),
    zone: z.string().max(63).optional(),
  }),
  replicationName: z.string().min(1).max(63).optional(),
  guard: guard.nullable(),
  dataDirectory,
  postgres,
  detached: detached.nullable(),
  probes: probes.nullable().optional(),
  leaving: z.boolean().optional(),
  promotionRefused: text.nullable().optional(),
  lookAgeMs: count.optional(),
  calmForMs: count.optional(),
  divergedWal: divergedWal.nullable().optional(),
  server: server.nullable().optional(),
  freeBytes: lsn.nullable().optional(),
  downForMs: count,
  abandonedHandOver: z.int().nullable(),
  handOverRefused: text.nullable().optional(),
  remoteAnswer: z.object({ at: z.number(), why: text.nullable() }).nullable().optional(),
  activity: text.nullable(),
  problem: text.nullable(),
  rebuild: rebuild.nullable().optional(),
  aside: aside.nullable().optional(),
});

/** An agent's report, checked and passed on as it came: keys of later versions stay in it. */
export const reportAsk = z.custom<AgentReport>((report) => reportShape.safeParse(report).success);

export const subscribeAsk = z.object({ sequence: z.int().min(0) });

export const destructionAsk = z.object({
  step: z.enum(['rewind', 'rebuild', 'remove']),
  version: z.int().min(0),
  order: z.int().min(0).exactOptional(),
  inPlace: z.boolean().exactOptional(),
});

/** PostgreSQL 18 has under 400; extensions bring more. */
const PARAMETERS_MAX = 5_000;

export const parametersAsk = z.object({
  entries: z
    .array(
      z.object({
        name: z.string().max(255),
        type: z.enum(['bool', 'integer', 'real', 'string', 'enum']),
        unit: z.string().max(32).nullable(),
        min: z.number().nullable(),
        max: z.number().nullable(),
        choices: z.array(z.string().max(255)).max(1_000).nullable(),
        context: z.string().max(64),
      }),
    )
    .max(PARAMETERS_MAX),
});

/** @throws MalformedMessageError naming the first field that does not fit */
export function parseAsk<Schema extends z.ZodType>(schema: Schema, ask: unknown): z.output<Schema> {
  const parsed = schema.safeParse(ask);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue === undefined ? '(whole)' : issue.path.map(String).join('.');
  throw new MalformedMessageError('an agent request', field, issue?.message ?? 'valid');
}
