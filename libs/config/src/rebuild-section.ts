import { z } from 'zod';
import {
  type ArchivePolicy,
  BACKUP_TOOLS,
  type BootstrapSource,
  DEFAULT_REBUILD_POLICY,
  REBUILD_METHODS,
  type RebuildPolicy,
} from '#libs/cluster';
import { field } from './field.ts';

const TARGETS = ['time', 'lsn', 'name', 'xid'] as const;

export const rebuildSection = z.strictObject({
  methods: field(z.array(z.enum(REBUILD_METHODS)).min(1).optional(), {
    about: 'How an instance gets its data, tried in this order.',
    rule: `a list of ${REBUILD_METHODS.join(', ')}`,
    example: DEFAULT_REBUILD_POLICY.methods,
  }),
  automaticRebuild: field(z.enum(['never', 'whenSafe']).optional(), {
    about: 'Whether one that holds data is built anew by itself; a rewind is no such rebuild.',
    rule: 'never or whenSafe',
    example: DEFAULT_REBUILD_POLICY.automaticRebuild,
  }),
  inPlaceAlone: field(z.boolean().optional(), {
    about:
      'Rewind also when no other standby holds all data at that moment, as with two instances.',
    rule: 'true or false',
    example: DEFAULT_REBUILD_POLICY.inPlaceAlone,
  }),
  bandwidthLimit: field(z.int().min(1_024).max(1_099_511_627_776).optional(), {
    about: 'Bytes per second at most; without it as fast as it goes.',
    rule: 'a whole number of bytes from 1024',
    example: 104_857_600,
  }),
});

export const archiveSection = z.strictObject({
  tool: field(z.enum(BACKUP_TOOLS), {
    about: 'The holder of the lease archives its WAL with it.',
    rule: `one of ${BACKUP_TOOLS.join(', ')}`,
    example: 'pgbackrest',
  }),
});

export const bootstrapSection = z.strictObject({
  tool: field(z.enum(BACKUP_TOOLS), {
    about: 'The first data directory is restored with it, not made by initdb.',
    rule: `one of ${BACKUP_TOOLS.join(', ')}`,
    example: 'pgbackrest',
  }),
  target: field(
    z
      .strictObject({
        kind: field(z.enum(TARGETS), {
          about: 'What the value is.',
          rule: `one of ${TARGETS.join(', ')}`,
          example: 'time',
        }),
        value: field(z.string().min(1).max(200), {
          about: 'As PostgreSQL reads it.',
          rule: 'text (in quotes when it looks like a number)',
          example: '2026-05-04 12:00:00+00',
        }),
      })
      .optional(),
    {
      about: 'Where recovery ends; without it at the end of the archive.',
      rule: 'a mapping with kind and value',
      example: null,
    },
  ),
});

export function resolveRebuild(raw: z.output<typeof rebuildSection>): RebuildPolicy {
  const { methods, automaticRebuild, inPlaceAlone, bandwidthLimit } = raw;
  const byDefault = DEFAULT_REBUILD_POLICY;
  return {
    methods: [...new Set(methods ?? byDefault.methods)],
    automaticRebuild: automaticRebuild ?? byDefault.automaticRebuild,
    inPlaceAlone: inPlaceAlone ?? byDefault.inPlaceAlone,
    bandwidthBytesPerSecond: bandwidthLimit ?? byDefault.bandwidthBytesPerSecond,
  };
}

export function resolveArchive(raw: z.output<typeof archiveSection>): ArchivePolicy {
  return { tool: raw.tool };
}

export function resolveBootstrap({
  tool,
  target,
}: z.output<typeof bootstrapSection>): BootstrapSource {
  return { tool, target: target ?? null };
}
