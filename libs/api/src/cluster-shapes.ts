/** Shapes of a cluster's definition that requests and answers share. */
import * as z from 'zod';
import {
  type ClusterConfiguration,
  type ClusterSettings,
  DEFAULT_SETTINGS,
  DEFAULT_SLOT_POLICY,
  type PostgresDefinition,
} from '#libs/cluster';
import { isInstanceName } from '#libs/kernel';
import { archiveSchema, bootstrapSchema, rebuildPolicySchema } from './rebuild-requests.ts';

const ms = z.number().int().min(0).max(86_400_000);
const decimal = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform((text) => BigInt(text));

/** How a cluster is kept; sizes are decimal text, JSON has no 64-bit numbers. */
export const settingsShape = z.strictObject({
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
  hungPrimaryMs: ms.default(DEFAULT_SETTINGS.hungPrimaryMs),
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
  failsafe: z.boolean().default(DEFAULT_SETTINGS.failsafe),
} satisfies Record<keyof ClusterSettings, z.ZodType>);

const parameters = z.record(z.string().min(1).max(255), z.string().max(10_000));
const lines = z.array(z.string().max(1_000)).max(1_000);
const instance = z.string().refine(isInstanceName, 'not the name of an instance');
const overrides = z.strictObject({
  primary: parameters.default({}),
  standby: parameters.default({}),
  instances: z.record(instance, parameters).default({}),
});

const access = z.strictObject({ pgHba: lines.default([]), pgIdent: lines.default([]) });
const noAccess = { pgHba: [], pgIdent: [] };
const accessOverrides = z.strictObject({
  primary: access.default(noAccess),
  standby: access.default(noAccess),
  instances: z.record(instance, access).default({}),
});

const slotName = z.string().regex(/^[a-z0-9_]{1,63}$/);
const pgName = z.string().min(1).max(63);
const slots = z.strictObject({
  permanent: z
    .record(
      slotName,
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('physical') }),
        z.strictObject({ type: z.literal('logical'), database: pgName, plugin: pgName }),
      ]),
    )
    .default({}),
  ignore: z
    .array(
      z.strictObject({
        name: pgName.optional(),
        type: z.enum(['physical', 'logical']).optional(),
        database: pgName.optional(),
        plugin: pgName.optional(),
      }),
    )
    .max(100)
    .default([]),
  unknown: z.enum(['keep', 'drop']).default(DEFAULT_SLOT_POLICY.unknown),
  memberTtlMs: z.number().int().min(0).max(2_592_000_000).default(DEFAULT_SLOT_POLICY.memberTtlMs),
});

/** What `matriarch config` shows and changes. */
export const configurationShape = z.strictObject({
  settings: settingsShape,
  parameters,
  pgHba: lines,
  pgIdent: lines,
  overrides,
  // A client of an older version does not name them.
  accessOverrides: accessOverrides.optional(),
  slots: slots.optional(),
  rebuild: rebuildPolicySchema.exactOptional(),
  archive: archiveSchema.nullable().exactOptional(),
} satisfies Record<keyof ClusterConfiguration, z.ZodType>);

export const userShape = z.string().min(1).max(63);

export const postgresShape = z.strictObject({
  superuser: userShape,
  replicationUser: userShape,
  rewindUser: userShape,
  parameters,
  pgHba: lines,
  pgIdent: lines.optional(),
  overrides: overrides.optional(),
  accessOverrides: accessOverrides.optional(),
  slots: slots.optional(),
  rebuild: rebuildPolicySchema.exactOptional(),
  archive: archiveSchema.exactOptional(),
  bootstrap: bootstrapSchema.exactOptional(),
} satisfies Record<keyof PostgresDefinition, z.ZodType>);
