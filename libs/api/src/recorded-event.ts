import * as z from 'zod';
import type { RecordedEvent } from '#libs/cluster';
import { eventText } from './event-text.ts';
import { jsonOf } from './json-text.ts';

/** A recorded event as the API gives it. */
export const recordedEventSchema = z.object({
  cluster: z.string(),
  sequence: z.int(),
  version: z.int(),
  /** Milliseconds since 1970. */
  at: z.number(),
  cause: z.object({ by: z.string(), rule: z.string() }),
  /** What happened, in one English sentence. */
  text: z.string(),
  event: z.looseObject({ type: z.string() }),
});
export type RecordedEventJson = z.output<typeof recordedEventSchema>;

export const eventsAnswer = z.object({
  events: z.array(recordedEventSchema),
  /** The newest sequence of the cluster; events between the last given and this one are still to ask for. */
  newest: z.int(),
});
export type EventsAnswer = z.output<typeof eventsAnswer>;

export function recordedEventJson(recorded: RecordedEvent): RecordedEventJson {
  const { cluster, sequence, version, at, cause, event } = recorded;
  const text = eventText(recorded);
  return recordedEventSchema.parse({
    ...{ cluster, sequence, version, at, cause, text },
    event: jsonOf(event),
  });
}

/** One message of the SSE stream; its id is what a reader sends as `after` when it comes back. */
export function sseMessage(event: RecordedEventJson): string {
  return `id: ${event.sequence}\nevent: recorded\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Sent so often that a reader can tell a silent stream from a dead one. */
export const SSE_KEEPALIVE_MS = 5_000;
export const SSE_KEEPALIVE = ': alive\n\n';
