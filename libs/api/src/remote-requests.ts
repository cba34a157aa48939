import * as z from 'zod';
import { BACKUP_TOOLS, endpointsOf, type RemoteArchive, type RemotePrimary } from '#libs/cluster';
import { InvalidLsnError, parseLsn, timelineId } from '#libs/kernel';

/** A host, or several with commas; each may have a port of its own. */
const hosts = z
  .string()
  .max(1_000)
  .regex(/^[A-Za-z0-9_.:%[\]-]+(,[A-Za-z0-9_.:%[\]-]+)*$/, 'one host, or several with commas')
  .refine(
    (host) => endpointsOf({ host, port: 1 }).every(({ port }) => port >= 1 && port <= 65_535),
    'a port is a whole number from 1 to 65535',
  );

const primaryShape = z.strictObject({
  host: hosts,
  port: z.int().min(1).max(65_535),
  slot: z
    .string()
    .regex(/^[a-z0-9_]{1,63}$/)
    .nullable(),
  user: z.string().min(1).max(63).nullable(),
} satisfies Record<keyof RemotePrimary, z.ZodType>);

const archiveShape = z.strictObject({
  archive: z.enum(BACKUP_TOOLS),
} satisfies Record<keyof RemoteArchive, z.ZodType>);

export const remoteShape = z.union([primaryShape, archiveShape]);

/** Whom the cluster follows from now on: another cluster of these controllers, an address, or an archive. */
export const demoteClusterRequest = z
  .strictObject({
    to: z.string().min(1).max(63).optional(),
    host: hosts.optional(),
    archive: archiveShape.shape.archive.optional(),
    port: z.int().min(1).max(65_535).default(5432),
    slot: primaryShape.shape.slot.default(null),
    user: primaryShape.shape.user.default(null),
    /** Also without a primary that could say where it stopped writing, and when the host cannot be followed now. */
    acceptUnknown: z.boolean().default(false),
  })
  .refine(({ to, host, archive }) => [to, host, archive].filter(isGiven).length === 1, {
    message: 'one of the name of a cluster (to), a host and an archive is needed',
  })
  .refine(({ archive, slot, user }) => archive === undefined || (slot === null && user === null), {
    message: 'an archive has neither a slot nor a user',
  });

export type DemoteClusterRequest = z.output<typeof demoteClusterRequest>;

function isGiven(value: string | undefined): boolean {
  return value !== undefined;
}

/** `0/5000060@3`: a position of timeline 3, as a demotion prints it. */
const lastWritten = z.string().transform((text, context) => {
  const [, lsn = '', timeline = ''] = /^([^@]*)@([1-9]\d{0,9})$/.exec(text) ?? [];
  try {
    return { timeline: timelineId(Number(timeline)), lsn: parseLsn(lsn) };
  } catch (error) {
    if (!(error instanceof InvalidLsnError)) throw error;
    const message = `'${text}' is no position of a timeline: it is written as 0/5000060@3`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
});

export const promoteClusterRequest = z.strictObject({
  /** Where the other cluster stopped writing, as its demotion said. */
  lastWritten: lastWritten.optional(),
  /** Also when that is not known, or not all of it was received. */
  acceptUnknown: z.boolean().default(false),
});
