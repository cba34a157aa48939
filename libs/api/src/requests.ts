import { z } from 'zod';
import { type ClusterSettings, DEFAULT_SETTINGS, type PostgresDefinition } from '#libs/cluster';
import { clusterName, InvalidNameError, instanceName } from '#libs/kernel';
import { EVENTS_LIMIT_DEFAULT, EVENTS_LIMIT_MAX } from './paths.ts';

function named<Name>(make: (text: string) => Name) {
  return z.string().transform((text, context): Name => {
    try {
      return make(text);
    } catch (error) {
      if (!(error instanceof InvalidNameError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

const instance = named(instanceName);

export const switchoverRequest = z.strictObject({ to: instance.optional() });
export type SwitchoverRequest = z.output<typeof switchoverRequest>;

export const failoverRequest = z.strictObject({
  to: instance.optional(),
  /** Candidates beyond the lag limit are allowed. */
  acceptLoss: z.boolean().default(false),
});
export type FailoverRequest = z.output<typeof failoverRequest>;

export const eventsQuery = z.strictObject({
  /** Events with a larger sequence only. */
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(EVENTS_LIMIT_MAX).default(EVENTS_LIMIT_DEFAULT),
});
export type EventsQuery = z.output<typeof eventsQuery>;

export const failoversQuery = z.strictObject({
  /** The newest so many. */
  limit: z.coerce.number().int().min(1).max(EVENTS_LIMIT_MAX).default(20),
});

const ms = z.number().int().min(0).max(86_400_000);
const decimal = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform((text) => BigInt(text));

const settings = z.strictObject({
  leaseTtlMs: ms,
  renewIntervalMs: ms,
  clockRateErrorRatio: z.number().min(0).max(0.1),
  leaseMarginMs: ms,
  stopBudgetMs: ms,
  guardKillMs: ms,
  agentAbsenceMs: ms,
  restartInPlaceMs: ms,
  promoteTimeoutMs: ms,
  switchoverStopMs: ms,
  suspectAfterMs: ms,
  maximumLagOnFailoverBytes: decimal,
  // A client of an older version does not name them.
  primaryCrashPolicy: z
    .enum(['auto', 'restart', 'failover'])
    .default(DEFAULT_SETTINGS.primaryCrashPolicy),
  crashRecoveryStallMs: ms.default(DEFAULT_SETTINGS.crashRecoveryStallMs),
  failoverZones: z.array(z.string().min(1).max(63)).max(100).default([]),
  synchronousMode: z.enum(['off', 'priority', 'quorum']).default(DEFAULT_SETTINGS.synchronousMode),
  synchronousStrict: z.boolean().default(DEFAULT_SETTINGS.synchronousStrict),
  synchronousNodeCount: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(DEFAULT_SETTINGS.synchronousNodeCount),
  maximumLagOnSyncStandbyBytes: decimal.default(DEFAULT_SETTINGS.maximumLagOnSyncStandbyBytes),
  syncFenceMs: ms.default(DEFAULT_SETTINGS.syncFenceMs),
} satisfies Record<keyof ClusterSettings, z.ZodType>);

const user = z.string().min(1).max(63);
const postgres = z.strictObject({
  superuser: user,
  replicationUser: user,
  rewindUser: user,
  parameters: z.record(z.string(), z.string().max(10_000)),
  pgHba: z.array(z.string().max(1_000)).max(1_000),
} satisfies Record<keyof PostgresDefinition, z.ZodType>);

const credential = z.strictObject({ username: user, password: z.string().max(1_000).nullable() });

/** Passwords travel in this one request, over TLS, and never enter the history. */
export const createClusterRequest = z.strictObject({
  name: named(clusterName),
  settings,
  postgres,
  credentials: z.strictObject({
    superuser: credential,
    replication: credential,
    rewind: credential,
  }),
});
export type CreateClusterRequest = z.output<typeof createClusterRequest>;

/** The first problem of a refused body or query, in one line. */
export function requestProblem(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'the request is not valid';
  const where = issue.path.length === 0 ? 'the request' : `'${issue.path.map(String).join('.')}'`;
  return `${where} is not valid: ${issue.message}`;
}
