import { messageOf } from '#libs/kernel';
import type { WritingClient } from '#libs/outage';
import { until } from '../../apps/cli/src/demo/until.ts';

const ANSWER_LIMIT_MS = 10_000;

/** A host that was just made may be slow to answer its first connection. */
export async function startWriting(client: WritingClient, primary: string): Promise<void> {
  await untilAnswered('the table of the client', async () => {
    await client.prepare(primary);
    return true;
  });
  client.start();
}

/** What is missing now; a busy host that does not answer at once is asked again. */
export async function untilCounted(client: WritingClient, primary: string): Promise<number> {
  return await untilAnswered('the count of lost rows', () => client.countLost(primary));
}

async function untilAnswered<T>(what: string, ask: () => Promise<T>): Promise<T> {
  return await until(what, { limitMs: ANSWER_LIMIT_MS }, async () => {
    try {
      return { value: await ask() };
    } catch (error) {
      return { instead: messageOf(error) };
    }
  });
}
