import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { agentYaml, clusterYaml, controllerYaml } from './config-files.ts';
import { DEMO_BASE_PORT, loopbackPlan, portsOf } from './plan.ts';

const plan = loopbackPlan('/tmp/demo', DEMO_BASE_PORT);

describe('the plan on loopback', () => {
  it('takes the ports from the base up, each once', () => {
    const ports = portsOf(plan).map(({ port }) => port);
    expect(new Set(ports).size).toBe(ports.length);
    expect(Math.min(...ports)).toBe(17_400);
    expect(Math.max(...ports)).toBe(17_432);
  });

  it('keeps the longest socket of PostgreSQL within its 107 bytes', () => {
    for (const { socketDirectory, postgresPort } of plan.instances) {
      expect(`${socketDirectory}/.s.PGSQL.${postgresPort}.lock`.length).toBeLessThan(107);
    }
  });
});

describe('the written files', () => {
  it('name all controllers in every file, with the addresses where they listen', () => {
    const controllers = [17_400, 17_401, 17_402].map((port, index) => ({
      name: `c${index + 1}`,
      address: `127.0.0.1:${port}`,
    }));
    for (const controller of plan.controllers) {
      expect(parse(controllerYaml(plan, controller))).toMatchObject({ controllers });
    }
    for (const instance of plan.instances) {
      expect(parse(agentYaml(plan, instance, 'postgres'))).toMatchObject({ controllers });
    }
  });

  it('let the client in by password from its network only', () => {
    const passwords = { superuser: 'a', replication: 'b', rewind: 'c' };
    const yaml = clusterYaml({ passwords, clientNetwork: '127.0.0.1/32', settings: {} });
    expect(parse(yaml)).toMatchObject({
      superuser: { username: 'postgres', password: 'a' },
      pgHba: ['host all all 127.0.0.1/32 scram-sha-256'],
    });
  });
});
