import { type ClusterSettings, DEFAULT_SETTINGS } from '#libs/cluster';
import type { ThreeControllers } from './controllers.ts';
import { ask } from './http.ts';

export const OPERATOR = { role: 'operator', name: 'alice' } as const;
export const PASSWORD = 'not-in-the-history';

/** The body of an order that creates a cluster. */
export function definition(name: string, settings: Partial<ClusterSettings> = {}) {
  const all = Object.entries({ ...DEFAULT_SETTINGS, ...settings });
  return {
    name,
    settings: Object.fromEntries(
      all.map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]),
    ),
    postgres: {
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: {},
      pgHba: [],
    },
    credentials: {
      superuser: { username: 'postgres', password: PASSWORD },
      replication: { username: 'replicator', password: null },
      rewind: { username: 'rewinder', password: null },
    },
  };
}

export async function createCluster(
  group: ThreeControllers,
  name: string,
  settings: Partial<ClusterSettings> = {},
): Promise<void> {
  const { name: leader } = await group.leader();
  const body = definition(name, settings);
  const answer = await ask(group, leader, {
    ...{ method: 'POST', path: '/api/v1/clusters', body, as: OPERATOR },
  });
  if (answer.status >= 300) throw new Error(`not created: ${answer.body}`);
}
