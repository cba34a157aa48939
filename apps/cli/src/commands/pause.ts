import { API_PATHS, orderAnswer } from '#libs/api';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { whichCluster } from './which-cluster.ts';

const SAID = {
  pause: 'automatic decisions are paused: nothing is failed over until `matriarch resume`',
  resume: 'automatic decisions are on',
} as const;

/** Both are true at once when they are committed, so there is nothing to follow. */
export async function pauseOrResume(
  context: Context,
  kind: 'pause' | 'resume',
  named: string | undefined,
): Promise<Outcome> {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const { satisfied } = await client.order(API_PATHS[kind](cluster), {}, orderAnswer);
  const text = satisfied === null ? `${cluster}: ${SAID[kind]}` : `nothing to do: ${satisfied}`;
  const result = { cluster, ok: true, paused: kind === 'pause', satisfied };
  return { exitCode: EXIT.held, text, result };
}
