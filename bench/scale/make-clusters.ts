import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { API_PATHS } from '#libs/api';
import { DEFAULT_SETTINGS } from '#libs/cluster';
import type { IssuedCertificate } from '#libs/transport';

const AT_ONCE = 32;

/** Orders these clusters from the controllers, as `matriarch cluster create` does. */
export async function makeClusters(
  names: readonly string[],
  to: { readonly host: string; readonly port: number },
  operator: IssuedCertificate,
): Promise<void> {
  const agent = new Agent({
    ca: readFileSync(operator.caPath),
    cert: readFileSync(operator.certPath),
    key: readFileSync(operator.keyPath),
    keepAlive: true,
    maxSockets: AT_ONCE,
  });
  const waiting = [...names];
  const worker = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await create(name, to, agent);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  agent.destroy();
}

async function create(
  name: string,
  to: { readonly host: string; readonly port: number },
  agent: Agent,
): Promise<void> {
  const { status, body } = await new Promise<{ status: number; body: string }>(
    (resolve, reject) => {
      const sent = request(
        {
          ...to,
          path: API_PATHS.clusters,
          method: 'POST',
          agent,
          headers: { 'content-type': 'application/json' },
        },
        (answer) => {
          text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
        },
      );
      sent.once('error', reject);
      sent.end(JSON.stringify(definition(name)));
    },
  );
  if (status >= 300) throw new Error(`cluster ${name} was not created: HTTP ${status} ${body}`);
}

function definition(name: string) {
  const settings = Object.entries(DEFAULT_SETTINGS).map(([key, value]) => {
    return [key, typeof value === 'bigint' ? String(value) : value];
  });
  const user = (username: string) => ({ username, password: null });
  return {
    name,
    settings: Object.fromEntries(settings),
    postgres: {
      superuser: 'postgres',
      replicationUser: 'replicator',
      rewindUser: 'rewinder',
      parameters: {},
      pgHba: [],
    },
    credentials: {
      superuser: user('postgres'),
      replication: user('replicator'),
      rewind: user('rewinder'),
    },
  };
}
