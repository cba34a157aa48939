import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClusterPlan, clusterPlan } from '../../apps/cli/src/demo/plan.ts';
import { HostNetwork } from './host-network.ts';

export const CONTROLLER_HOSTS = ['e1', 'e2', 'e3'];
export const DATABASE_HOSTS = ['n1', 'n2', 'n3'];

/** Three hosts for consensus and three for databases. */
export async function createSixHosts(): Promise<HostNetwork> {
  const network = new HostNetwork([...CONTROLLER_HOSTS, ...DATABASE_HOSTS]);
  try {
    await network.create();
  } catch (error) {
    await network.remove();
    throw error;
  }
  return network;
}

/** Our processes on these hosts, with the ports that a real host would use. */
export function planOn(network: HostNetwork, directory: string): ClusterPlan {
  return clusterPlan({
    cluster: 'demo',
    directory,
    controllers: CONTROLLER_HOSTS.map((name) => ({
      host: network.host(name),
      tlsPort: 7_400,
      httpPort: 7_401,
    })),
    instances: DATABASE_HOSTS.map((name) => ({
      host: network.host(name),
      agentPort: 8_008,
      postgresPort: 5_432,
    })),
  });
}

/** Short, for socket paths end at 107 bytes, and open to PostgreSQL's user. */
export function shortDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mt-'));
  chmodSync(directory, 0o755);
  return directory;
}
