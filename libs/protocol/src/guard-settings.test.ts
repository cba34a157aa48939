import { describe, expect, it } from 'vitest';
import {
  DEFAULT_GUARD_TIMING,
  DEFAULT_WATCHDOG,
  GuardSettingsError,
  parseGuardSettings,
} from './guard-settings.ts';

const GIVEN = {
  cluster: 'orders',
  instance: 'pg1',
  controllers: [{ name: 'c1', address: '10.0.0.1:7400' }],
  tls: { ca: '/ca', certificate: '/crt', key: '/key' },
  socketPath: '/run/guard.sock',
  postgres: {
    user: 'postgres',
    dataDirectory: '/data',
    binary: '/bin/postgres',
    arguments: [],
    logFile: '/log',
  },
};
const { postgres } = GIVEN;
const times = (given: object) => ({ ...GIVEN, timing: { ...DEFAULT_GUARD_TIMING, ...given } });

describe('the settings of a guard', () => {
  it('have default times', () => {
    expect(parseGuardSettings(GIVEN)).toEqual({
      ...GIVEN,
      timing: DEFAULT_GUARD_TIMING,
      watchdog: DEFAULT_WATCHDOG,
    });
  });

  it.each<{ key: string; given: unknown }>([
    { key: 'the whole file', given: [] },
    { key: 'tls', given: { ...GIVEN, tls: null } },
    { key: 'socketPath', given: { ...GIVEN, socketPath: '' } },
    { key: 'controllers', given: { ...GIVEN, controllers: 'c1' } },
    { key: 'postgres.arguments', given: { ...GIVEN, postgres: { ...postgres, arguments: [1] } } },
    { key: 'timing.leaseTtlMs', given: times({ leaseTtlMs: 0.5 }) },
    { key: 'timing.leaseTtlMs', given: times({ leaseTtlMs: 700 }) },
    { key: 'timing.guardKillMs', given: times({ guardKillMs: 300 }) },
  ])("name the wrong key: '$key'", ({ key, given }) => {
    expect(() => parseGuardSettings(given)).toThrow(GuardSettingsError);
    expect(() => parseGuardSettings(given)).toThrow(`'${key}'`);
  });
});
