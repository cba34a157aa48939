import * as z from 'zod';
import { BACKUP_TOOLS, REBUILD_METHODS, TARGET_KINDS } from '#libs/cluster';
import { instanceSchema } from './name-schema.ts';

/** 1 kB/s to 1 TB/s. */
const bandwidth = z.int().min(1_024).max(1_099_511_627_776);

export const rebuildPolicySchema = z.strictObject({
  methods: z.array(z.enum(REBUILD_METHODS)).min(1).max(REBUILD_METHODS.length),
  automaticRebuild: z.enum(['never', 'whenSafe']),
  inPlaceAlone: z.boolean(),
  bandwidthBytesPerSecond: bandwidth.nullable(),
});

export const archiveSchema = z.strictObject({ tool: z.enum(BACKUP_TOOLS) });

const recoveryTarget = z.strictObject({
  kind: z.enum(TARGET_KINDS),
  value: z.string().min(1).max(1_000),
});

export const bootstrapSchema = z.strictObject({
  source: z
    .strictObject({ tool: z.enum(BACKUP_TOOLS), target: recoveryTarget.nullable() })
    .nullable(),
  adopt: z.array(instanceSchema).min(1).max(100).exactOptional(),
  initdbOptions: z.array(z.string().max(1_000)).max(20),
  sql: z.array(z.string().max(100_000)).max(100),
});

/** Body of an order to build an instance's data anew. */
export const rebuildRequest = z.strictObject({
  method: z.enum(REBUILD_METHODS).optional(),
  from: instanceSchema.optional(),
  force: z.boolean().default(false),
});
export type RebuildRequest = z.output<typeof rebuildRequest>;

/** What one method said before anything was done, as an agent answers `reinit --dry-run`. */
const methodPreflight = z.object({
  method: z.string(),
  ok: z.boolean(),
  /** Why not, or what it would do. */
  detail: z.string(),
  bytes: z.number().nullable(),
  estimateSeconds: z.number().nullable(),
  /** False: not among the cluster's methods, so only by an order that names it. */
  listed: z.boolean().default(true),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});

export const preflightAnswer = z.object({
  instance: z.string(),
  methods: z.array(methodPreflight),
});
export type PreflightAnswer = z.output<typeof preflightAnswer>;
