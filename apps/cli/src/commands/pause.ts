import { API_PATHS, orderAnswer, type StatusAnswer, statusAnswer } from '#libs/api';
import type { ApiClient } from '../api/api-client.ts';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';
import { pauseUntil, Watch } from '../watch.ts';
import { whichCluster } from './which-cluster.ts';

const SAID = {
  pause: 'automatic decisions are paused: nothing is failed over until `matriarch resume`',
  resume: 'automatic decisions are on',
} as const;
const POLL_MS = 200;
const WAIT_LIMIT_MS = 60_000;

export type PauseOptions = { readonly wait?: true };

/** Committed at once; agents hear of it within a second, which `--wait` waits for. */
export async function pauseOrResume(
  context: Context,
  kind: 'pause' | 'resume',
  named: string | undefined,
  { wait }: PauseOptions = {},
): Promise<Outcome> {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const { satisfied } = await client.order(API_PATHS[kind](cluster), {}, orderAnswer);
  const said = satisfied === null ? `${cluster}: ${SAID[kind]}` : `nothing to do: ${satisfied}`;
  const result = { cluster, ok: true, paused: kind === 'pause', satisfied };
  if (wait !== true) return { exitCode: EXIT.held, text: said, prose: true, result };
  const watch = new Watch(WAIT_LIMIT_MS);
  const behind = await untilActedOn(client, cluster, watch, context.terminal);
  const ok = behind.length === 0;
  const known = ok ? 'every agent knows' : `not heard to know of it: ${behind.join(', ')}`;
  const exitCode = ok ? EXIT.held : watch.left ? EXIT.left : EXIT.notHeld;
  const text = `${said}; ${known}`;
  return { exitCode, text, prose: true, result: { ...result, ok, behind } };
}

/** @returns the instances whose agents have not acted on the present events in time */
async function untilActedOn(
  client: ApiClient,
  cluster: string,
  watch: Watch,
  { transient }: Terminal,
): Promise<string[]> {
  try {
    for (;;) {
      const behind = behindIn(await client.read(API_PATHS.status, statusAnswer), cluster);
      if (behind.length === 0 || watch.signal.aborted) return behind;
      transient(`  recorded; waits for the agents of ${behind.join(', ')}`);
      await pauseUntil(watch.signal, POLL_MS);
    }
  } finally {
    watch.end();
    transient('');
  }
}

function behindIn({ clusters }: StatusAnswer, name: string): string[] {
  const cluster = clusters.find((each) => each.name === name);
  if (cluster === undefined) return [];
  return cluster.instances.flatMap(({ name: instance, actedVersion }) =>
    actedVersion !== null && actedVersion >= cluster.version ? [] : [instance],
  );
}
