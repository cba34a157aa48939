import * as z from 'zod';
import { clusterName } from '#libs/kernel';
import { postgresShape, settingsShape, userShape } from './cluster-shapes.ts';
import { instanceSchema, nameSchema } from './name-schema.ts';
import { EVENTS_LIMIT_DEFAULT, EVENTS_LIMIT_MAX } from './paths.ts';
import { remoteShape } from './remote-requests.ts';

export const switchoverRequest = z.strictObject({ to: instanceSchema.optional() });
export type SwitchoverRequest = z.output<typeof switchoverRequest>;

export const failoverRequest = z.strictObject({
  to: instanceSchema.optional(),
  /** Candidates beyond the lag limit are allowed. */
  acceptLoss: z.boolean().default(false),
  /** What a rebuild of `to` had put aside is put back first, while nobody else can serve. */
  copyAside: z.boolean().default(false),
});
export type FailoverRequest = z.output<typeof failoverRequest>;

/** Of one instance. */
export const maintenanceRequest = z.strictObject({ instance: instanceSchema, on: z.boolean() });

export const eventsQuery = z.strictObject({
  /** Events with a larger sequence only. */
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(EVENTS_LIMIT_MAX).default(EVENTS_LIMIT_DEFAULT),
});
export type EventsQuery = z.output<typeof eventsQuery>;

export const failoversQuery = z.strictObject({
  /** This many of the newest. */
  limit: z.coerce.number().int().min(1).max(EVENTS_LIMIT_MAX).default(20),
});

const credential = z.strictObject({
  username: userShape,
  password: z.string().max(1_000).nullable(),
});

/** Passwords travel in this one request, over TLS, and never enter the history. */
export const createClusterRequest = z.strictObject({
  name: nameSchema(clusterName),
  settings: settingsShape,
  postgres: postgresShape,
  standbyOf: remoteShape.exactOptional(),
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
