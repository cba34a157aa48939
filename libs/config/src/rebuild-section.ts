import * as z from 'zod';
import {
  type ArchivePolicy,
  BACKUP_TOOLS,
  DEFAULT_REBUILD_POLICY,
  REBUILD_METHODS,
  type RebuildPolicy,
} from '#libs/cluster';
import { field } from './field.ts';

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
