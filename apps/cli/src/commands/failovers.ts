import { API_PATHS, failoversAnswer } from '#libs/api';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { failoversText } from '../render/failovers-text.ts';
import { whichCluster } from './which-cluster.ts';

export type FailoversOptions = { readonly limit?: number; readonly details?: true };

export async function failovers(
  context: Context,
  named: string | undefined,
  { limit, details }: FailoversOptions,
): Promise<Outcome> {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const query = limit === undefined ? '' : `?limit=${limit}`;
  const answer = await client.read(`${API_PATHS.failovers(cluster)}${query}`, failoversAnswer);
  const text = failoversText(answer, context.terminal, details === true);
  return { exitCode: EXIT.held, text, result: answer };
}
