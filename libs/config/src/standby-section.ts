import { isIPv6 } from 'node:net';
import * as z from 'zod';
import { endpointsOf, placeOf, type RemotePrimary } from '#libs/cluster';
import { field, PORT_RULE, portSchema } from './field.ts';

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
  host: field(hosts, {
    about:
      'Host of the remote primary; several with commas or as a list, of which the one that accepts writes is taken.',
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

export function resolveStandby(raw: z.output<typeof standbySection>): RemotePrimary {
  const { host, port, slot = null, user = null } = raw;
  return { ...placeOf(endpointsOf({ host: host.join(','), port })), slot, user };
}
