import { stringify } from 'yaml';
import {
  API_PATHS,
  clusterView,
  EVENTS_LIMIT_MAX,
  eventsAnswer,
  type Json,
  type RecordedEventJson,
} from '#libs/api';
import { unreachable } from '#libs/kernel';
import type { ApiClient } from '../api/api-client.ts';
import { followEvents } from '../api/follow-events.ts';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { eventLine } from '../render/event-text.ts';
import { whichCluster } from './which-cluster.ts';

/** Shown without --after: this many of the newest. */
const NEWEST_COUNT = 40;

export type EventsOptions = { readonly follow?: true; readonly after?: number };

export async function events(
  context: Context,
  named: string | undefined,
  options: EventsOptions,
): Promise<Outcome | null> {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const after = options.after ?? (await newestAfter(client, cluster));
  if (options.follow === true) {
    for await (const event of followEvents(client, { cluster, after })) {
      context.terminal.line(shown(event, context));
    }
    return null;
  }
  const found = await eventsAfter(client, cluster, after);
  const text = found.map((event) => eventLine(event, context.terminal)).join('\n');
  const result = { cluster, events: found.map(plainJson) };
  return { exitCode: EXIT.held, text: text === '' ? 'no events' : text, result };
}

async function newestAfter(client: ApiClient, cluster: string): Promise<number> {
  const { sequence } = await client.read(API_PATHS.cluster(cluster), clusterView);
  return Math.max(0, sequence - NEWEST_COUNT);
}

async function eventsAfter(
  client: ApiClient,
  cluster: string,
  after: number,
): Promise<RecordedEventJson[]> {
  const found: RecordedEventJson[] = [];
  let last = after;
  for (;;) {
    const query = `?after=${last}&limit=${EVENTS_LIMIT_MAX}`;
    const page = await client.read(`${API_PATHS.events(cluster)}${query}`, eventsAnswer);
    found.push(...page.events);
    const newest = page.events.at(-1)?.sequence ?? last;
    if (newest <= last || newest >= page.newest) return found;
    last = newest;
  }
}

/** A followed stream has no end, so each event is a line, or a document, of its own. */
function shown(event: RecordedEventJson, { terminal }: Context): string {
  switch (terminal.format) {
    case 'json':
      return JSON.stringify(event);
    case 'yaml':
      return `---\n${stringify(event).trimEnd()}`;
    case 'table':
      return eventLine(event, terminal);
    default:
      return unreachable(terminal.format);
  }
}

function plainJson(event: RecordedEventJson): Json {
  return JSON.parse(JSON.stringify(event)) as Json;
}
