import { z } from 'zod';
import type { Endpoint } from '#libs/cluster';
import { type ControllerName, controllerName } from '#libs/kernel';
import { field, NAME_RULE, nameSchema } from './field.ts';
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

export type ControllerConfig = {
  readonly name: ControllerName;
  readonly stateDirectory: string;
  readonly listen: Endpoint;
  readonly api: Endpoint;
  /** Where the other controllers, agents and guards reach this one. */
  readonly advertise: Endpoint;
  readonly controllers: readonly ControllerEntry[];
  readonly tls: TlsPaths;
  readonly logLevel: LogLevel;
  readonly timing: RaftTiming;
};

const DEFAULT_TIMING: RaftTiming = { tickMs: 50, heartbeatMs: 100, electionMs: 500 };

function timeField(about: string, byDefault: number, lowMs: number, highMs: number) {
  const rule = `a whole number of milliseconds from ${lowMs} to ${highMs}`;
  const schema = z.int().min(lowMs).max(highMs).default(byDefault);
  return field(schema, { about, rule, example: byDefault });
}

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
  controllers: controllersField,
  tls: tlsField('controller', 'controller-c1'),
  logLevel: logLevelField,
  timing: field(
    z
      .strictObject({
        tickMs: timeField('How often the Raft machine looks at the clock.', 50, 5, 1_000),
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
});

export function resolveController(
  raw: z.output<typeof controllerSchema>,
  resolution: Resolution,
): ControllerConfig {
  checkControllers(raw.controllers, resolution);
  checkTiming(raw.timing, resolution);
  const self = raw.controllers.find((entry) => entry.name === raw.name);
  if (self === undefined) {
    const names = raw.controllers.map((entry) => entry.name).join(', ');
    resolution.refuse(
      ['name'],
      `name is '${raw.name}', which controllers does not list (${names})`,
    );
  }
  return {
    name: raw.name,
    stateDirectory: resolution.path(raw.stateDirectory),
    listen: endpoint(raw.listen),
    api: endpoint(raw.api),
    advertise: endpoint(raw.advertise ?? self?.address ?? raw.listen),
    controllers: raw.controllers,
    tls: resolveTls(raw.tls, resolution),
    logLevel: raw.logLevel,
    timing: raw.timing,
  };
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
