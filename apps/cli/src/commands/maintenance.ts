import { API_PATHS, orderAnswer } from '#libs/api';
import { UsageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { whichCluster } from './which-cluster.ts';

/** One instance is left alone, or looked after again; observed all the while. */
export async function maintenance(
  context: Context,
  state: string,
  named: string,
): Promise<Outcome> {
  if (state !== 'on' && state !== 'off') {
    throw new UsageError(`'${state}' is neither: matriarch maintenance on|off [CLUSTER/]INSTANCE`);
  }
  const on = state === 'on';
  const [instance = '', inCluster] = named.split('/').reverse();
  const client = await context.client();
  const cluster = await whichCluster(client, inCluster);
  const path = API_PATHS.maintenance(cluster);
  const { satisfied, events } = await client.order(path, { instance, on }, orderAnswer);
  const said = events.map(({ text }) => text).join('; ');
  const text = satisfied === null ? `${cluster}: ${said}` : `nothing to do: ${satisfied}`;
  const result = { cluster, instance, ok: true, maintenance: on, satisfied };
  return { exitCode: EXIT.held, text, result };
}
