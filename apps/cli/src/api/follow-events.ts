import { setTimeout as delay } from 'node:timers/promises';
import {
  API_PATHS,
  type RecordedEventJson,
  recordedEventSchema,
  SSE_KEEPALIVE_MS,
} from '#libs/api';
import { ControllersUnreachableError, ForeignAnswerError, RefusedError } from '../cli-error.ts';
import { elapsedClockMs } from '../system-clock.ts';
import type { ApiClient } from './api-client.ts';
import { HttpFailure, openHttp } from './http-request.ts';
import { SseParser } from './sse-parser.ts';

/** A stream that says nothing for this long is given up and another controller is asked. */
const SILENCE_MAX_MS = 3 * SSE_KEEPALIVE_MS;
const CONNECT_TIMEOUT_MS = 3_000;
const RETRY_DELAY_MS = 200;
/** Without any stream for this long there is nobody to follow. */
const NOBODY_MAX_MS = 30_000;

export type FollowRequest = {
  readonly cluster: string;
  /** The last sequence that is known already. */
  readonly after: number;
  readonly signal?: AbortSignal;
};

/**
 * Every event after `after`, once each and in order, from whichever controller can be reached; ends
 * with the signal.
 * @throws ControllersUnreachableError when none could be followed for 30 s, RefusedError
 */
export async function* followEvents(
  client: ApiClient,
  request: FollowRequest,
): AsyncGenerator<RecordedEventJson> {
  let after = request.after;
  let lastHeardAt = elapsedClockMs();
  let turn = 0;
  const attempts = new Map<string, string>();
  let wayOut: string | null = null;
  while (!isAborted(request)) {
    const base = client.urls[turn % client.urls.length];
    turn += 1;
    if (base === undefined) return;
    try {
      for await (const event of streamFrom(client, base, { ...request, after })) {
        lastHeardAt = elapsedClockMs();
        if (event.sequence <= after) continue;
        after = event.sequence;
        yield event;
      }
    } catch (error) {
      if (isAborted(request)) return;
      if (!(error instanceof HttpFailure)) throw error;
      attempts.set(base.origin, error.message);
      wayOut = error.wayOut;
    }
    if (elapsedClockMs() - lastHeardAt > NOBODY_MAX_MS) {
      const told = [...attempts].map(([url, why]) => `${url}: ${why}`);
      throw new ControllersUnreachableError(told, wayOut);
    }
    await delay(RETRY_DELAY_MS);
  }
}

function isAborted({ signal }: FollowRequest): boolean {
  return signal?.aborted === true;
}

async function* streamFrom(
  client: ApiClient,
  base: URL,
  { cluster, after, signal }: FollowRequest,
): AsyncGenerator<RecordedEventJson> {
  const url = new URL(`${API_PATHS.eventStream(cluster)}?after=${after}`, base);
  const call = { method: 'GET' as const, url, tls: client.tls, timeoutMs: CONNECT_TIMEOUT_MS };
  const response = await openHttp({ ...call, ...(signal === undefined ? {} : { signal }) });
  if (response.statusCode !== 200) {
    response.destroy();
    if (response.statusCode === 404)
      throw new RefusedError(
        'UNKNOWN_CLUSTER',
        `no cluster '${cluster}' is known: \`matriarch status\` lists those that are`,
      );
    throw new HttpFailure(true, new Error(`HTTP status ${response.statusCode ?? 0}`));
  }
  response.setTimeout(SILENCE_MAX_MS, () => response.destroy(new Error('the stream is silent')));
  response.setEncoding('utf8');
  const parser = new SseParser();
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      for (const message of parser.push(chunk)) yield eventOf(base, message);
    }
  } catch (cause) {
    if (cause instanceof ForeignAnswerError) throw cause;
    throw new HttpFailure(true, cause);
  } finally {
    response.destroy();
  }
}

function eventOf(base: URL, message: string): RecordedEventJson {
  const parsed = recordedEventSchema.safeParse(JSON.parse(message));
  if (parsed.success) return parsed.data;
  throw new ForeignAnswerError(base.origin, 'an event of its stream has another form');
}
