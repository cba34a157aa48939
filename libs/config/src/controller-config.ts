import * as z from 'zod';
import type { Endpoint } from '#libs/cluster';
import { type ControllerName, controllerName } from '#libs/kernel';
import { addressSchema, field, isWildcard, NAME_RULE, nameSchema } from './field.ts';
import {
  checkControllers,
  endpoint,
  type Resolution,
  resolveTls,
  type TlsPaths,
} from './resolve.ts';
import {
  advertiseField,
  type ControllerEntry,
  controllersField,
  FOUNDERS_TEXT,
  hostField,
  type LogLevel,
  logLevelField,
  pathField,
  portField,
  tlsField,
} from './shared-fields.ts';

/** Raft's times in milliseconds; whole multiples of `tickMs`. */
export type RaftTiming = {
  readonly tickMs: number;
  readonly heartbeatMs: number;
  /** Lower bound of the random election timeout; the upper bound is twice this. */
  readonly electionMs: number;
};

export type JoinConfig = {
  /** Some controllers of the group; any of them names the leader. */
  readonly controllers: readonly Endpoint[];
  /** What `matriarch controllers add` answered; null to wait until the operator adds this one. */
  readonly token: string | null;
};

export type ControllerConfig = {
  readonly name: ControllerName;
  readonly stateDirectory: string;
  readonly listen: Endpoint;
  readonly api: Endpoint;
  /** Where the other controllers, agents and guards reach this one. */
  readonly advertise: Endpoint;
  /** The founding members; empty in the file of one that joins. */
  readonly controllers: readonly ControllerEntry[];
  /** How a controller with an empty directory enters a group that exists; null for a founder. */
  readonly join: JoinConfig | null;
  /** The leader hands over when a PostgreSQL primary runs on its host and another host is free. */
  readonly avoidPrimaryHosts: boolean;
  readonly insecurePlainTransport: boolean;
  readonly tls: TlsPaths;
  readonly logLevel: LogLevel;
  readonly timing: RaftTiming;
};

const DEFAULT_TIMING: RaftTiming = { tickMs: 100, heartbeatMs: 100, electionMs: 500 };

function timeField(about: string, byDefault: number, lowMs: number, highMs: number) {
  const rule = `a whole number of milliseconds from ${lowMs} to ${highMs}`;
  const schema = z.int().min(lowMs).max(highMs).default(byDefault);
  return field(schema, { about, rule, example: byDefault });
}

const joinField = field(
  z
    .strictObject({
      controllers: field(z.array(addressSchema).min(1).max(7), {
        about: 'Where controllers of the group listen; one that runs is enough.',
        rule: 'a list of 1 to 7 addresses, each host:port',
        example: ['10.0.0.1:7400', '10.0.0.2:7400'],
      }),
      token: field(z.string().min(1).max(100).optional(), {
        about:
          'What `matriarch controllers add` answered. Without it this controller waits to be added.',
        rule: 'a token as `matriarch controllers add` prints it',
        example: 'c4.131.5b1ff0c2a9d34e77',
      }),
    })
    .optional(),
  {
    about: 'Instead of controllers, to enter a group that exists. Read at the first start only.',
    rule: 'a mapping with controllers and token',
    example: null,
  },
);

export const controllerSchema = z.strictObject({
  name: field(nameSchema(controllerName), {
    about: 'Name of this controller, as in the list of controllers below.',
    rule: `a controller name: ${NAME_RULE}`,
    example: 'c1',
  }),
  stateDirectory: pathField('Raft log and snapshots. One per controller.', '/var/lib/matriarch/c1'),
  listen: field(
    z.strictObject({
      host: hostField('Interface to listen on; 0.0.0.0 for all.', '10.0.0.1'),
      port: portField('Port for controllers, agents and guards (mutual TLS).', 7400),
    }),
    { about: 'The link between processes.', rule: 'a mapping with host and port', example: null },
  ),
  api: field(
    z.strictObject({
      host: hostField('Interface to listen on; 0.0.0.0 for all.', '10.0.0.1'),
      port: portField('Port of the HTTP API and of /metrics.', 7401),
    }),
    {
      about:
        'The HTTP API. Reads over plain HTTP or TLS, writes over TLS with an operator certificate.',
      rule: 'a mapping with host and port',
      example: null,
    },
  ),
  advertise: advertiseField(
    'Where others reach this controller; its address in the list of controllers by default.',
    '10.0.0.1',
    7400,
  ),
  controllers: field(controllersField.optional(), { ...FOUNDERS_TEXT, usual: true }),
  join: joinField,
  tls: tlsField('controller', 'controller-c1'),
  logLevel: logLevelField,
  timing: field(
    z
      .strictObject({
        tickMs: timeField('How often the Raft machine looks at the clock.', 100, 5, 1_000),
        heartbeatMs: timeField('How often a leader says that it lives.', 100, 5, 5_000),
        electionMs: timeField(
          'Silence before an election, at least; the random upper bound is twice this.',
          500,
          50,
          30_000,
        ),
      })
      .default(DEFAULT_TIMING),
    { about: 'The same on every controller.', rule: 'a mapping of times', example: DEFAULT_TIMING },
  ),
  avoidPrimaryHosts: field(z.boolean().default(true), {
    about:
      'A leader on whose host a PostgreSQL primary runs hands over to a healthy controller elsewhere.',
    rule: 'true or false',
    example: true,
  }),
  benchmark: field(
    z
      .strictObject({
        insecurePlainTransport: field(z.boolean().default(false), {
          about:
            'Links between processes without TLS, on every controller: to measure, never to serve.',
          rule: 'true or false',
          example: false,
        }),
      })
      .optional(),
    { about: 'For measurements only.', rule: 'a mapping', example: null },
  ),
});

export function resolveController(
  raw: z.output<typeof controllerSchema>,
  resolution: Resolution,
): ControllerConfig {
  checkTiming(raw.timing, resolution);
  const founders = raw.controllers ?? [];
  const self = founders.find((entry) => entry.name === raw.name);
  checkWay(raw, resolution);
  if (raw.join !== undefined && raw.advertise === undefined && isWildcard(raw.listen.host)) {
    const text = `listen.host is ${raw.listen.host}: say in advertise where the others reach this one`;
    resolution.refuse(['listen', 'host'], text);
  }
  return {
    name: raw.name,
    stateDirectory: resolution.path(raw.stateDirectory),
    listen: endpoint(raw.listen),
    api: endpoint(raw.api),
    advertise: endpoint(raw.advertise ?? self?.address ?? raw.listen),
    controllers: founders,
    join:
      raw.join === undefined
        ? null
        : { controllers: raw.join.controllers.map(endpoint), token: raw.join.token ?? null },
    avoidPrimaryHosts: raw.avoidPrimaryHosts,
    insecurePlainTransport: raw.benchmark?.insecurePlainTransport ?? false,
    tls: resolveTls(raw.tls, resolution),
    logLevel: raw.logLevel,
    timing: raw.timing,
  };
}

/** A group is founded by the same list in every file, or entered by `join`: one of the two. */
function checkWay(raw: z.output<typeof controllerSchema>, resolution: Resolution): void {
  const { controllers, join, name } = raw;
  if (controllers === undefined) {
    if (join !== undefined) return;
    const way = 'controllers lists the founders, join enters a group that exists';
    resolution.refuse([], `the file has neither controllers nor join: ${way}`);
    return;
  }
  if (join !== undefined) {
    const text = 'the file has controllers and join: keep join to enter a group, else controllers';
    resolution.refuse(['join'], text);
    return;
  }
  checkControllers(controllers, resolution);
  if (controllers.some((entry) => entry.name === name)) return;
  const names = controllers.map((entry) => entry.name).join(', ');
  resolution.refuse(['name'], `name is '${name}', which controllers does not list (${names})`);
}

function checkTiming(timing: RaftTiming, resolution: Resolution): void {
  const { tickMs, heartbeatMs, electionMs } = timing;
  for (const [key, value] of Object.entries({ heartbeatMs, electionMs })) {
    if (value % tickMs === 0) continue;
    const text = `timing.${key} is ${value}: it must be a multiple of timing.tickMs (${tickMs})`;
    resolution.refuse(['timing', key], text);
  }
  if (electionMs < 4 * heartbeatMs) {
    const text = `timing.electionMs is ${electionMs}: it must be at least 4 times timing.heartbeatMs`;
    resolution.refuse(['timing', 'electionMs'], `${text} (${heartbeatMs})`);
  }
}
