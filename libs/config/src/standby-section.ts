import { isIPv6 } from 'node:net';
import * as z from 'zod';
import { BACKUP_TOOLS, endpointsOf, placeOf, type Remote } from '#libs/cluster';
import { field, PORT_RULE, portSchema } from './field.ts';
import type { Resolution } from './resolve.ts';

const hosts = z
  .union([z.string().transform((text) => text.split(',')), z.array(z.string())])
  .refine((all) => all.length > 0 && all.length <= 20 && all.every(isPlace));

function isPlace(text: string): boolean {
  const [place] = endpointsOf({ host: text, port: 1 });
  if (place === undefined || /\s/.test(text)) return false;
  if (place.port < 1 || place.port > 65_535) return false;
  const { host } = place;
  return text.startsWith('[') || host.includes(':') ? isIPv6(host) : NAME.test(host);
}

const NAME = /^[A-Za-z0-9_.-]{1,253}$/;

export const standbySection = z.strictObject({
  archive: field(z.enum(BACKUP_TOOLS).optional(), {
    about:
      'In the place of host: the first copy and all WAL come from the archive of this tool alone, ' +
      'which every host names under backup.',
    rule: `one of ${BACKUP_TOOLS.join(', ')}, and neither host, slot nor user beside it`,
    example: 'pgbackrest',
  }),
  host: field(hosts.optional(), {
    about:
      'Host of the remote primary; several with commas or as a list, of which the one that accepts writes is taken.',
    usual: true,
    rule:
      'a host name or address, or several with commas and no spaces, or a list of them, each with its ' +
      'own port where they differ: db1:5432, [fd00::1]:5433',
    example: '10.1.0.11,10.1.0.12,10.1.0.13:5433',
  }),
  port: field(portSchema.default(5432), {
    about: 'The port of every host that names none.',
    rule: PORT_RULE,
    example: 5432,
  }),
  slot: field(
    z
      .string()
      .regex(/^[a-z0-9_]{1,63}$/)
      .optional(),
    {
      about:
        'A physical slot there that keeps WAL for this cluster (slots.permanent of the other one).',
      rule: 'a name of 1 to 63 lower-case letters, digits or _',
      example: 'site_b',
    },
  ),
  user: field(z.string().min(1).max(63).optional(), {
    about: 'Streams as this user; else as the replication user, which comes with the data.',
    rule: 'a name of 1 to 63 bytes',
    example: 'replicator',
  }),
});

/** Null: neither is named; what is wrong is in `resolution`. */
export function resolveStandby(
  raw: z.output<typeof standbySection>,
  resolution: Resolution,
): Remote | null {
  const { archive, host, port, slot = null, user = null } = raw;
  if (archive === undefined && host !== undefined) {
    return { ...placeOf(endpointsOf({ host: host.join(','), port })), slot, user };
  }
  if (archive === undefined) {
    resolution.refuse(['standbyOf'], 'standbyOf needs host, or archive where no server is reached');
    return null;
  }
  if (host !== undefined || slot !== null || user !== null) {
    const text = 'standbyOf.archive is followed alone: leave out host, slot and user, or archive';
    resolution.refuse(['standbyOf', 'archive'], text);
  }
  return { archive };
}
