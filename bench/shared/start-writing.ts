import { messageOf } from '#libs/kernel';
import type { WritingClient } from '#libs/outage';
import { until } from '../../apps/cli/src/demo/until.ts';

const PREPARE_LIMIT_MS = 10_000;

/** A host that was just made may be slow to answer its first connection. */
export async function startWriting(client: WritingClient, primary: string): Promise<void> {
  await until('the table of the client', { limitMs: PREPARE_LIMIT_MS }, async () => {
    try {
      await client.prepare(primary);
      return { value: true };
    } catch (error) {
      return { instead: messageOf(error) };
    }
  });
  client.start();
}
