import { UsageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import type { Outcome } from '../outcome.ts';
import { EXIT } from '../outcome.ts';
import { statusText } from '../render/status-text.ts';

/** @throws UsageError when there is no cluster of that name */
export async function status(
  { client, terminal }: Context,
  named: string | undefined,
): Promise<Outcome> {
  const whole = await (await client()).status();
  const clusters = whole.clusters.filter(({ name }) => named === undefined || name === named);
  if (named !== undefined && clusters.length === 0) {
    const known = whole.clusters.map(({ name }) => name).join(', ') || 'none';
    throw new UsageError(`'${named}' is no cluster of these controllers: name one of ${known}`);
  }
  const answer = { ...whole, clusters };
  return { exitCode: EXIT.held, text: statusText(answer, terminal), result: answer };
}
