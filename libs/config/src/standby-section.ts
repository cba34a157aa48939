import * as z from 'zod';
import type { RemotePrimary } from '#libs/cluster';
import { field, PORT_RULE, portSchema } from './field.ts';

const HOSTS = /^[A-Za-z0-9_.:%-]+(,[A-Za-z0-9_.:%-]+)*$/;

export const standbySection = z.strictObject({
  host: field(z.string().max(1_000).regex(HOSTS), {
    about:
      'Host of the remote primary; several with commas, of which the one that accepts writes is taken.',
    rule: 'a host name or address, or several with commas and no spaces',
    example: '10.1.0.11,10.1.0.12,10.1.0.13',
  }),
  port: field(portSchema.default(5432), {
    about: 'Its port, the same on all of them.',
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
  return { host, port, slot, user };
}
