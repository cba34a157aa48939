import * as z from 'zod';
import { DEFAULT_SLOT_POLICY, type SlotPolicy } from '#libs/cluster';
import { field } from './field.ts';

const slotName = z.string().regex(/^[a-z0-9_]{1,63}$/);
const SLOT_NAME_RULE = 'names of 1 to 63 lower-case letters, digits or _';

const permanentSlot = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('physical') }),
  z.strictObject({
    type: z.literal('logical'),
    database: z.string().min(1).max(63),
    plugin: z.string().min(1).max(63),
  }),
]);

const matcher = z.strictObject({
  name: z.string().min(1).max(63).optional(),
  type: z.enum(['physical', 'logical']).optional(),
  database: z.string().min(1).max(63).optional(),
  plugin: z.string().min(1).max(63).optional(),
});

export const slotsSection = z.strictObject({
  permanent: field(z.record(slotName, permanentSlot).optional(), {
    about: 'Slots that outlive a change of the primary, beside those of the members.',
    rule: `a mapping of ${SLOT_NAME_RULE} to a type, and of logical ones a database and a plugin`,
    example: {
      archiver: { type: 'physical' },
      reports: { type: 'logical', database: 'app', plugin: 'pgoutput' },
    },
  }),
  ignore: field(z.array(matcher).max(100).optional(), {
    about: 'Slots that are never dropped: all that is named must fit.',
    rule: 'a list of mappings with name, type, database or plugin',
    example: [{ type: 'logical', plugin: 'wal2json' }],
  }),
  unknown: field(z.enum(['keep', 'drop']).optional(), {
    about: 'Idle slots that nobody asked for: kept, or dropped as Patroni does.',
    rule: 'keep or drop',
    example: DEFAULT_SLOT_POLICY.unknown,
  }),
  memberTtlMs: field(z.int().min(0).max(2_592_000_000).optional(), {
    about: 'For a member that was not heard for so long no WAL is kept; 0: for ever.',
    rule: 'a whole number of milliseconds from 0 to 2592000000',
    example: DEFAULT_SLOT_POLICY.memberTtlMs,
  }),
});

export function resolveSlots(raw: z.output<typeof slotsSection>): SlotPolicy {
  const { permanent, ignore, unknown, memberTtlMs } = raw;
  const byDefault = DEFAULT_SLOT_POLICY;
  return {
    permanent: permanent ?? byDefault.permanent,
    ignore: ignore ?? byDefault.ignore,
    unknown: unknown ?? byDefault.unknown,
    memberTtlMs: memberTtlMs ?? byDefault.memberTtlMs,
  };
}
