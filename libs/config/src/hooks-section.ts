import * as z from 'zod';
import { field } from './field.ts';

const ARGV_RULE = 'a list: a program and its arguments, run without a shell';

/** Told of what happened; nobody waits for them. */
export const CALLBACKS = ['onStart', 'onStop', 'onRestart', 'onReload', 'onRoleChange'] as const;
export type CallbackName = (typeof CALLBACKS)[number];

/** Run before something goes on, for a limited time. */
export const HOOKS = ['prePromote', 'beforeStop', 'postBootstrap'] as const;
export type HookName = (typeof HOOKS)[number];

export type HookSettings = {
  /** Argv of each that is set. */
  readonly commands: Readonly<Partial<Record<CallbackName | HookName, readonly string[]>>>;
  /** After it the program's process group is ended. */
  readonly limitsMs: Readonly<Record<'callback' | HookName, number>>;
};

const DEFAULT_LIMITS_MS = {
  callback: 60_000,
  prePromote: 2_000,
  beforeStop: 10_000,
  postBootstrap: 300_000,
};

function command(about: string, program: string) {
  const schema = z.array(z.string().min(1).max(1_000)).min(1).max(100).optional();
  return field(schema, { about, rule: ARGV_RULE, example: [`/usr/local/bin/${program}`] });
}

function limit(about: string, byDefault: number, most: number) {
  return field(z.int().min(100).max(most).default(byDefault), {
    about,
    rule: `a whole number of milliseconds from 100 to ${most}`,
    example: byDefault,
  });
}

export const hooksSection = z.strictObject({
  onStart: command('PostgreSQL was started.', 'on-start'),
  onStop: command('PostgreSQL is down.', 'on-stop'),
  onRestart: command('PostgreSQL was restarted.', 'on-restart'),
  onReload: command('PostgreSQL was told to read its configuration anew.', 'on-reload'),
  onRoleChange: command('The instance has another role than before.', 'on-role-change'),
  prePromote: command(
    'Before this instance is promoted; when it fails another one is taken.',
    'fence-old-primary',
  ),
  beforeStop: command('Before an orderly stop, which goes on whatever it says.', 'before-stop'),
  postBootstrap: command(
    'Once the first data directory is made, with a connection string; when it fails it is made anew.',
    'post-bootstrap',
  ),
  callbackLimitMs: limit('Of onStart and the like.', DEFAULT_LIMITS_MS.callback, 3_600_000),
  prePromoteLimitMs: limit(
    'Of prePromote; settings.promoteTimeoutMs of the cluster must leave room for it.',
    DEFAULT_LIMITS_MS.prePromote,
    120_000,
  ),
  beforeStopLimitMs: limit('Of beforeStop.', DEFAULT_LIMITS_MS.beforeStop, 30_000),
  postBootstrapLimitMs: limit('Of postBootstrap.', DEFAULT_LIMITS_MS.postBootstrap, 86_400_000),
});

export function resolveHooks(raw: z.output<typeof hooksSection>): HookSettings {
  const { callbackLimitMs, prePromoteLimitMs, beforeStopLimitMs, postBootstrapLimitMs } = raw;
  const set = [...CALLBACKS, ...HOOKS].flatMap((name) => {
    const argv = raw[name];
    return argv === undefined ? [] : [[name, argv] as const];
  });
  return {
    commands: Object.fromEntries(set),
    limitsMs: {
      callback: callbackLimitMs,
      prePromote: prePromoteLimitMs,
      beforeStop: beforeStopLimitMs,
      postBootstrap: postBootstrapLimitMs,
    },
  };
}

/** The section when the file has none. */
export const NO_HOOKS_SET = {
  callbackLimitMs: DEFAULT_LIMITS_MS.callback,
  prePromoteLimitMs: DEFAULT_LIMITS_MS.prePromote,
  beforeStopLimitMs: DEFAULT_LIMITS_MS.beforeStop,
  postBootstrapLimitMs: DEFAULT_LIMITS_MS.postBootstrap,
};
