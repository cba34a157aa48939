import * as z from 'zod';
import { controllerName } from '#libs/kernel';
import {
  ADDRESS_RULE,
  addressSchema,
  type FieldText,
  field,
  HOST_RULE,
  hostSchema,
  NAME_RULE,
  nameSchema,
  PORT_RULE,
  pathSchema,
  portSchema,
} from './field.ts';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const logLevelField = field(z.enum(LOG_LEVELS).default('info'), {
  about: 'The least important lines that are logged.',
  rule: `one of ${LOG_LEVELS.join(', ')}`,
  example: 'info',
});

export const PATH_RULE = "a path; a relative one starts at this file's directory";

export function pathField(about: string, example: string) {
  return field(pathSchema, { about, rule: PATH_RULE, example });
}

export function hostField(about: string, example: string) {
  return field(hostSchema, { about, rule: HOST_RULE, example });
}

export function portField(about: string, byDefault: number) {
  return field(portSchema.default(byDefault), { about, rule: PORT_RULE, example: byDefault });
}

/** Where others reach this process, when it is not where it listens. */
export function advertiseField(about: string, host: string, port: number) {
  const schema = z.strictObject({
    host: hostField('Host or address that others use.', host),
    port: field(portSchema, { about: 'Port that others use.', rule: PORT_RULE, example: port }),
  });
  const rule = 'a mapping with host and port';
  return field(schema.optional(), { about, rule, example: { host, port } });
}

export function tlsField(role: string, name: string) {
  const schema = z.strictObject({
    ca: pathField('The certificate authority of this group of controllers (PEM).', 'tls/ca.crt'),
    certificate: pathField(`A certificate of role ${role} (PEM).`, `tls/${name}.crt`),
    key: pathField('Its private key (PEM), readable by this process only.', `tls/${name}.key`),
  });
  return field(schema, {
    about: 'Made by `matriarch certs init` and `matriarch certs issue`.',
    rule: 'a mapping with ca, certificate and key',
    example: null,
  });
}

const controllerEntry = field(
  z.strictObject({
    name: field(nameSchema(controllerName), {
      about: 'Name of a controller.',
      rule: `a controller name: ${NAME_RULE}`,
      example: 'c1',
    }),
    address: field(addressSchema, {
      about: 'Where it listens for controllers, agents and guards.',
      rule: ADDRESS_RULE,
      example: '10.0.0.1:7400',
    }),
  }),
  { about: '', rule: 'a mapping with name and address', example: null },
);

export const FOUNDERS_TEXT: FieldText = {
  about: 'The founding controllers, the same list in every file.',
  rule: 'a list of 1, 3, 5 or 7 controllers, each with name and address',
  example: [
    { name: 'c1', address: '10.0.0.1:7400' },
    { name: 'c2', address: '10.0.0.2:7400' },
    { name: 'c3', address: '10.0.0.3:7400' },
  ],
};

export const controllersField = field(z.array(controllerEntry).min(1).max(7), FOUNDERS_TEXT);

export type ControllerEntry = z.output<typeof controllerEntry>;
