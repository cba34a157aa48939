import * as z from 'zod';
import {
  backupPoliciesOf,
  type ClusterState,
  configurationOf,
  currentRevision,
  NO_ACCESS_OVERRIDES,
} from '#libs/cluster';
import { configurationShape } from './cluster-shapes.ts';
import { jsonOf } from './json-text.ts';
import { orderAnswer } from './status.ts';

/** The whole configuration as it should be, not a change of it: what was looked at is what is stored. */
export const configureRequest = z.strictObject({
  configuration: configurationShape,
  /** Refused when another revision stands meanwhile; null overwrites whatever stands. */
  expectedRevision: z.int().min(1).nullable().default(null),
  comment: z.string().max(500).nullable().default(null),
  /** Judge only, record nothing. */
  dryRun: z.boolean().default(false),
});
export type ConfigureRequest = z.output<typeof configureRequest>;

export const configureAnswer = orderAnswer.extend({
  revision: z.int(),
  /** Changed parameters that PostgreSQL takes at its next start only. */
  needsRestart: z.array(z.string()),
  /** Of extensions that are not loaded: PostgreSQL will say nothing about them until then. */
  unchecked: z.array(z.string()),
});
export type ConfigureAnswer = z.output<typeof configureAnswer>;

export const configurationAnswer = z.object({
  cluster: z.string(),
  revision: z.int(),
  configuration: configurationShape,
  /** Those that are still kept, oldest first. */
  revisions: z.array(
    z.object({
      revision: z.int(),
      at: z.number(),
      by: z.string(),
      comment: z.string().nullable(),
      configuration: configurationShape,
    }),
  ),
});
export type ConfigurationAnswer = z.output<typeof configurationAnswer>;

/** As JSON: what `configurationAnswer` reads. */
export function configurationAnswerOf(state: ClusterState): unknown {
  const revision = currentRevision(state);
  const configuration = configurationOf(state);
  const created = { revision: 1, at: 0, by: 'cluster create', comment: null, configuration };
  // A revision that does not name them had what stands: once they change, all of them do.
  const policies = backupPoliciesOf(state.postgres);
  const revisions = (state.revisions ?? [created]).map((one) => ({
    ...one,
    configuration: {
      ...{ ...policies, accessOverrides: NO_ACCESS_OVERRIDES },
      ...one.configuration,
    },
  }));
  return jsonOf({ cluster: state.name, revision, configuration, revisions });
}
