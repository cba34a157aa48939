import { describe, expect, it } from 'vitest';
import { parseAgentConfig, parseClusterFile, parseControllerConfig } from '#libs/config';
import { agentYaml, clusterYaml, controllerYaml } from './config-files.ts';
import { DEMO_BASE_PORT, loopbackPlan, portsOf } from './plan.ts';

const ADDRESSES = [17_400, 17_401, 17_402].map((port) => ({ host: '127.0.0.1', port }));
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
  it('are accepted by a real installation, and place everything where the plan says', () => {
    for (const controller of plan.controllers) {
      const { api, listen, controllers } = parseControllerConfig(
        controllerYaml(plan, controller),
        controller.configFile,
      );
      expect(api.port).toBe(controller.httpPort);
      expect(listen.port).toBe(controller.tlsPort);
      expect(controllers.map(({ address }) => address)).toEqual(ADDRESSES);
    }
    for (const instance of plan.instances) {
      const { postgres, controllers } = parseAgentConfig(
        agentYaml(plan, instance, 'postgres'),
        instance.configFile,
      );
      expect(postgres.advertise.port).toBe(instance.postgresPort);
      expect(postgres.dataDirectory).toBe(instance.dataDirectory);
      expect(controllers.map(({ address }) => address)).toEqual(ADDRESSES);
    }
  });

  it('let the client in by password from its network only', () => {
    const passwords = { superuser: 'a', replication: 'b', rewind: 'c' };
    const yaml = clusterYaml({ passwords, clientNetwork: '127.0.0.1/32', settings: {} });
    expect(parseClusterFile(yaml, plan.clusterFile)).toMatchObject({
      superuser: { username: 'postgres', password: 'a' },
      pgHba: ['host all all 127.0.0.1/32 scram-sha-256'],
    });
  });
});
