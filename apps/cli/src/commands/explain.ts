import { API_PATHS, explainAnswer } from '#libs/api';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { explainText } from '../render/explain-text.ts';
import { whichCluster } from './which-cluster.ts';

export async function explain(context: Context, named: string | undefined): Promise<Outcome> {
  const client = await context.client();
  const cluster = named ?? (await whichCluster(client, named));
  // The leader knows what the instances reported; `status` finds it and asks it first from then on.
  await client.status();
  const answer = await client.read(API_PATHS.explain(cluster), explainAnswer);
  return { exitCode: EXIT.held, text: explainText(answer, context.terminal), result: answer };
}
