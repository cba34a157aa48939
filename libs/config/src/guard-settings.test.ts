import { expect, it } from 'vitest';
import { parseGuardSettings } from '#libs/protocol';
import { configExample } from './config-example.ts';
import { guardPaths, toGuardSettings } from './guard-settings.ts';
import { parseAgentConfig } from './load.ts';

it("the agent's configuration gives settings that a guard accepts", () => {
  const config = parseAgentConfig(configExample('agent'), '/etc/matriarch/agent.yaml');
  const settings = toGuardSettings(config, '/usr/lib/postgresql/15/bin');
  expect(parseGuardSettings(JSON.parse(JSON.stringify(settings)))).toEqual(settings);
  expect(settings.controllers[0]).toEqual({ name: 'c1', address: '10.0.0.1:7400' });
  expect(settings.postgres.binary).toBe('/usr/lib/postgresql/15/bin/postgres');
  expect(guardPaths(config).settings).toBe('/var/lib/matriarch/main-pg1/guard.json');
});
