import type { Context } from '../context.ts';
import type { Outcome } from '../outcome.ts';
import { EXIT } from '../outcome.ts';
import { statusText } from '../render/status-text.ts';

export async function status({ client, terminal }: Context): Promise<Outcome> {
  const answer = await (await client()).status();
  return { exitCode: EXIT.held, text: statusText(answer, terminal), result: answer };
}
