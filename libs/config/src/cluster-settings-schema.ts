import * as z from 'zod';
import {
  type ClusterSettings,
  DEFAULT_SETTINGS,
  settingsProblems,
  withDefaults,
} from '#libs/cluster';
import { field } from './field.ts';
import type { Resolution } from './resolve.ts';

function ms(about: string, key: keyof ClusterSettings, low: number, high: number) {
  return field(z.int().min(low).max(high).optional(), {
    about,
    rule: `a whole number of milliseconds from ${low} to ${high}`,
    example: DEFAULT_SETTINGS[key],
  });
}

/** Every setting may be left out; the defaults suit a LAN. */
export const settingsSchema = z.strictObject({
  leaseTtlMs: ms(
    'How long a primary may serve after its last confirmed renewal.',
    'leaseTtlMs',
    500,
    300_000,
  ),
  renewIntervalMs: ms('How often a guard renews.', 'renewIntervalMs', 50, 60_000),
  clockRateErrorRatio: field(z.number().min(0).max(0.1).optional(), {
    about: "The largest rate error of a host's clock that leases tolerate.",
    rule: 'a number from 0 to 0.1',
    example: DEFAULT_SETTINGS.clockRateErrorRatio,
  }),
  leaseMarginMs: ms(
    'Added to the wait before a lease counts as expired.',
    'leaseMarginMs',
    0,
    10_000,
  ),
  stopBudgetMs: ms(
    'A guard begins to stop PostgreSQL this long before its lease ends.',
    'stopBudgetMs',
    50,
    60_000,
  ),
  guardKillMs: ms('SIGQUIT to SIGKILL; less than stopBudgetMs.', 'guardKillMs', 10, 60_000),
  agentAbsenceMs: ms(
    'Without an agent for this long a guard offers its lease back.',
    'agentAbsenceMs',
    1_000,
    3_600_000,
  ),
  restartInPlaceMs: ms(
    'A dead postmaster is restarted for this long before a failover.',
    'restartInPlaceMs',
    0,
    600_000,
  ),
  primaryCrashPolicy: field(z.enum(['auto', 'restart', 'failover']).optional(), {
    about: 'A crashed primary: restarted first, always restarted, or failed over at once.',
    rule: 'auto, restart or failover',
    example: DEFAULT_SETTINGS.primaryCrashPolicy,
  }),
  crashRecoveryStallMs: ms(
    'A crash recovery that makes no progress for this long is given up.',
    'crashRecoveryStallMs',
    1_000,
    86_400_000,
  ),
  hungPrimaryMs: ms(
    'A primary whose WAL does not get to disk, or that lets nobody connect, for this long is failed over; 0: never.',
    'hungPrimaryMs',
    0,
    3_600_000,
  ),
  promoteTimeoutMs: ms('A longer promotion is withdrawn.', 'promoteTimeoutMs', 200, 600_000),
  switchoverStopMs: ms(
    'A switchover whose stop takes longer is abandoned; its shutdown checkpoint has as long again.',
    'switchoverStopMs',
    50,
    600_000,
  ),
  suspectAfterMs: ms(
    'Silence after which a saga waits for an instance no more.',
    'suspectAfterMs',
    100,
    60_000,
  ),
  maximumLagOnFailoverBytes: field(z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(), {
    about: 'A standby further behind than this is never promoted by itself.',
    rule: 'a whole number of bytes',
    example: Number(DEFAULT_SETTINGS.maximumLagOnFailoverBytes),
  }),
  failoverZones: field(z.array(z.string().min(1).max(63)).max(100).optional(), {
    about: 'Among candidates with equal positions, one in the first of these zones (tag zone).',
    rule: 'a list of zones',
    example: ['dc1', 'dc2'],
  }),
  synchronousMode: field(z.enum(['off', 'priority', 'quorum']).optional(), {
    about: 'Which standbys commits wait for: none, the first of an order, or any of all.',
    rule: 'off, priority or quorum',
    example: DEFAULT_SETTINGS.synchronousMode,
  }),
  synchronousStrict: field(z.boolean().optional(), {
    about: 'Without a standby to wait for, commits wait instead of going on alone.',
    rule: 'true or false',
    example: DEFAULT_SETTINGS.synchronousStrict,
  }),
  synchronousNodeCount: field(z.int().min(1).max(100).optional(), {
    about: 'How many standbys a commit waits for.',
    rule: 'a whole number from 1 to 100',
    example: DEFAULT_SETTINGS.synchronousNodeCount,
  }),
  maximumLagOnSyncStandbyBytes: field(z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(), {
    about:
      'Commits wait no more for a standby further behind than this, until it was near for 5 s.',
    rule: 'a whole number of bytes',
    example: Number(DEFAULT_SETTINGS.maximumLagOnSyncStandbyBytes),
  }),
  syncFenceMs: ms(
    'Synchronous modes: a guard without a confirmed renewal for this long stops PostgreSQL.',
    'syncFenceMs',
    300,
    300_000,
  ),
  failsafe: field(z.boolean().optional(), {
    about: 'Without controllers a primary goes on while every member promises not to take over.',
    rule: 'true or false',
    example: DEFAULT_SETTINGS.failsafe,
  }),
} satisfies Record<keyof ClusterSettings, z.ZodType>);

export function resolveSettings(
  raw: z.output<typeof settingsSchema>,
  resolution: Resolution,
): ClusterSettings {
  const present = Object.entries(raw).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, key.endsWith('Bytes') ? BigInt(String(value)) : value]],
  );
  const settings = withDefaults(Object.fromEntries(present));
  for (const { key, value, limit } of settingsProblems(settings)) {
    resolution.refuse(['settings', key], `settings.${key} is ${value}: it must be ${limit}`);
  }
  return settings;
}
