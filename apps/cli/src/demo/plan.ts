import { join } from 'node:path';

/** A machine, or what stands for one: its address and, in tests, its network namespace. */
export type HostPlan = {
  readonly name: string;
  readonly address: string;
  /** Null: the network of the process that starts it. */
  readonly namespace: string | null;
};

export type ControllerPlan = {
  readonly name: string;
  readonly host: HostPlan;
  readonly tlsPort: number;
  readonly httpPort: number;
  readonly directory: string;
  readonly configFile: string;
  readonly logFile: string;
};

export type InstancePlan = {
  readonly name: string;
  readonly host: HostPlan;
  readonly agentPort: number;
  readonly postgresPort: number;
  /** The agent's own state; the guard's socket lies here. */
  readonly stateDirectory: string;
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  readonly configFile: string;
  readonly logFile: string;
};

/** Where everything of one whole cluster stands: controllers, instances, certificates, logs. */
export type ClusterPlan = {
  readonly cluster: string;
  readonly directory: string;
  readonly certificatesDirectory: string;
  readonly logsDirectory: string;
  readonly clusterFile: string;
  readonly controllers: readonly ControllerPlan[];
  readonly instances: readonly InstancePlan[];
};

type ControllerPlace = {
  readonly host: HostPlan;
  readonly tlsPort: number;
  readonly httpPort: number;
};
type InstancePlace = {
  readonly host: HostPlan;
  readonly agentPort: number;
  readonly postgresPort: number;
};

/** Away from 5432 and 8008, which an installed PostgreSQL or Patroni would have. */
export const DEMO_BASE_PORT = 17_400;
const MEMBERS = [0, 1, 2] as const;

/** Three controllers and three instances on loopback, with the ports from `basePort` to + 32. */
export function loopbackPlan(directory: string, basePort: number): ClusterPlan {
  const host: HostPlan = { name: 'localhost', address: '127.0.0.1', namespace: null };
  return clusterPlan({
    cluster: 'demo',
    directory,
    controllers: MEMBERS.map((member) => ({
      host,
      tlsPort: basePort + member,
      httpPort: basePort + 10 + member,
    })),
    instances: MEMBERS.map((member) => ({
      host,
      agentPort: basePort + 20 + member,
      postgresPort: basePort + 30 + member,
    })),
  });
}

export function clusterPlan(places: {
  readonly cluster: string;
  readonly directory: string;
  readonly controllers: readonly ControllerPlace[];
  readonly instances: readonly InstancePlace[];
}): ClusterPlan {
  const { directory } = places;
  const logsDirectory = join(directory, 'log');
  return {
    cluster: places.cluster,
    directory,
    certificatesDirectory: join(directory, 'certs'),
    logsDirectory,
    clusterFile: join(directory, 'cluster.yaml'),
    controllers: places.controllers.map((place, index) => {
      const name = `c${index + 1}`;
      return {
        ...place,
        name,
        directory: join(directory, name),
        configFile: join(directory, `${name}.yaml`),
        logFile: join(logsDirectory, `${name}.log`),
      };
    }),
    instances: places.instances.map((place, index) => {
      const name = `pg${index + 1}`;
      return {
        ...place,
        name,
        stateDirectory: join(directory, name, 'agent'),
        dataDirectory: join(directory, name, 'data'),
        socketDirectory: join(directory, name),
        configFile: join(directory, `${name}.yaml`),
        logFile: join(logsDirectory, `${name}.log`),
      };
    }),
  };
}

/** Every port that the plan takes, with the name of what takes it. */
export function portsOf(plan: ClusterPlan): readonly { name: string; port: number }[] {
  return [
    ...plan.controllers.flatMap(({ name, tlsPort, httpPort }) => [
      { name: `controller ${name}`, port: tlsPort },
      { name: `API of ${name}`, port: httpPort },
    ]),
    ...plan.instances.flatMap(({ name, agentPort, postgresPort }) => [
      { name: `agent of ${name}`, port: agentPort },
      { name: `PostgreSQL ${name}`, port: postgresPort },
    ]),
  ];
}
