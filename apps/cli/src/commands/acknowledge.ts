import { API_PATHS, orderAnswer } from '#libs/api';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { whichCluster } from './which-cluster.ts';

/** Ends the anti-flap window that the last automatic failover opened. */
export async function acknowledge(context: Context, named: string | undefined): Promise<Outcome> {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const { satisfied, events } = await client.order(API_PATHS.acknowledge(cluster), {}, orderAnswer);
  const said = events.map(({ text }) => text).join('; ');
  const text = satisfied === null ? `${cluster}: ${said}` : `nothing to do: ${satisfied}`;
  return { exitCode: EXIT.held, text, result: { cluster, ok: true, satisfied } };
}
