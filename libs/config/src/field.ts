import * as z from 'zod';
import type { Endpoint } from '#libs/cluster';
import { InvalidNameError } from '#libs/kernel';

/** What is said about a key in examples and errors. */
export type FieldText = {
  /** One sentence for the example file: what it is for. */
  readonly about: string;
  /** Completes "it must be ...": the rule, with the way out. */
  readonly rule: string;
  /** Its value in the example file; for a key with a default this is the default. */
  readonly example: unknown;
  /** Written in the example although it may be left out: the usual one of several ways. */
  readonly usual?: true;
};

const texts = z.registry<FieldText>();

/** A copy of a schema with its text. The text belongs to this very copy: call it last. */
export function field<Schema extends z.ZodType>(schema: Schema, text: FieldText): Schema {
  const own = schema.clone();
  texts.add(own, text);
  return own;
}

export function textOf(schema: z.ZodType): FieldText | undefined {
  return texts.get(schema);
}

/** A schema that turns text into a kernel name. */
export function nameSchema<Name>(make: (text: string) => Name) {
  return z.string().transform((text, context): Name => {
    try {
      return make(text);
    } catch (error) {
      if (!(error instanceof InvalidNameError)) throw error;
      context.addIssue({ code: 'custom', message: '' });
      return z.NEVER;
    }
  });
}

export const NAME_RULE = "1 to 40 lower-case letters, digits, '-' or '_', beginning with a letter";

const HOST = /^[A-Za-z0-9_.:-]{1,253}$/;

/** A host name, an IPv4 or an IPv6 address (without brackets). */
export const hostSchema = z.string().regex(HOST);
export const portSchema = z.int().min(1).max(65_535);
export const PORT_RULE = 'a port: a whole number from 1 to 65535';
export const HOST_RULE = 'a host name or an IP address, as in 10.0.0.1 or db1.example.org';
export const pathSchema = z.string().min(1).max(4_096);

/** `host:port` or `[ipv6]:port`; null when it is neither. */
/** What `formatAddress` writes. */
export function parseAddress(text: string): Endpoint | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) return null;
  return { host, port };
}

export const addressSchema = z.string().transform((text, context): Endpoint => {
  const address = parseAddress(text);
  if (address !== null) return address;
  context.addIssue({ code: 'custom', message: '' });
  return z.NEVER;
});
export const ADDRESS_RULE = 'host:port, as in 10.0.0.1:7400 or [2001:db8::1]:7400';

/** True for the addresses that mean "every interface" and that nobody can connect to. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
