import * as z from 'zod';
import { API_PATHS, clusterView, type InstanceView } from '#libs/api';
import type { ApiClient } from '../api/api-client.ts';
import { followEvents } from '../api/follow-events.ts';
import { eventLine } from '../render/event-text.ts';
import { progressLine } from '../render/rebuild-text.ts';
import type { Terminal } from '../terminal.ts';
import { Watch } from '../watch.ts';

export type RebuildEnding =
  | { readonly kind: 'completed'; readonly method: string; readonly tookMs: number }
  | { readonly kind: 'failed'; readonly reason: string }
  /** Who watched has gone; the rebuild has not. */
  | { readonly kind: 'left' };

type Followed = {
  readonly cluster: string;
  readonly instance: string;
  readonly after: number;
  readonly terminal: Terminal;
};

const REDRAW_INTERVAL_MS = 500;
/** As of any transient line. */
const PROGRESS_MARGIN = 3;
const rebuildEvent = z.looseObject({
  instance: z.string(),
  method: z.string().default(''),
  tookMs: z.number().default(0),
  reason: z.string().default(''),
  remaining: z.number().default(1),
});

/** Shows the events of a rebuild, and between them a bar on a terminal, until it ends. */
export async function followRebuild(client: ApiClient, followed: Followed): Promise<RebuildEnding> {
  const { cluster, instance, after, terminal } = followed;
  const watch = new Watch();
  const { signal } = watch;
  const redraw = setInterval(() => void draw(client, followed, signal), REDRAW_INTERVAL_MS);
  try {
    for await (const recorded of followEvents(client, { cluster, after, signal })) {
      const { type } = recorded.event;
      const parsed = type.startsWith('Rebuild') ? rebuildEvent.safeParse(recorded.event) : null;
      if (parsed?.success !== true || parsed.data.instance !== instance) continue;
      // Progress is the bar's to show, and the end that of who follows.
      const shown = type !== 'RebuildCompleted' && type !== 'RebuildProgress';
      if (shown || !terminal.interactive) {
        terminal.note(eventLine(recorded, terminal));
      }
      const { method, tookMs, reason, remaining } = parsed.data;
      if (type === 'RebuildCompleted') return { kind: 'completed', method, tookMs };
      if (type === 'RebuildCancelled') return { kind: 'failed', reason: 'cancelled' };
      if (type === 'RebuildWithdrawn') return { kind: 'failed', reason: `withdrawn: ${reason}` };
      if (type === 'RebuildMethodFailed' && remaining === 0) {
        return { kind: 'failed', reason: `needs-rebuild: ${method}: ${reason}` };
      }
    }
    return watch.left ? { kind: 'left' } : { kind: 'failed', reason: 'the stream of events ended' };
  } finally {
    clearInterval(redraw);
    watch.end();
    terminal.transient('');
  }
}

/** A look that fails is only a frame that is missing. */
async function draw(
  client: ApiClient,
  { cluster, instance, terminal }: Followed,
  over: AbortSignal,
): Promise<void> {
  if (!terminal.interactive) return;
  const rebuild = await rebuildNow(client, cluster, instance);
  // It may have ended while this was asked.
  if (rebuild !== null && !over.aborted)
    terminal.transient(progressLine(rebuild, terminal.columns - PROGRESS_MARGIN));
}

async function rebuildNow(
  client: ApiClient,
  cluster: string,
  instance: string,
): Promise<InstanceView['rebuild']> {
  try {
    const { instances } = await client.read(API_PATHS.cluster(cluster), clusterView);
    return instances.find(({ name }) => name === instance)?.rebuild ?? null;
  } catch {
    return null;
  }
}
