import type { ServerResponse } from 'node:http';
import {
  EVENTS_LIMIT_MAX,
  recordedEventJson,
  SSE_KEEPALIVE,
  SSE_KEEPALIVE_MS,
  sseMessage,
} from '#libs/api';
import type { RecordedEvent } from '#libs/cluster';
import type { ClusterName } from '#libs/kernel';
import type { EventStream } from '../agents/event-stream.ts';
import type { ReadModel } from '../cluster/read-model.ts';

/** A reader that takes no more is cut off; it comes back with its last id. */
const WAITING_BYTES_MAX = 1_048_576;

/** One open stream of events: first what was recorded, then what happens, without a gap. */
export class SseReader {
  #lastSent = 0;
  #caughtUp = false;
  #waiting: RecordedEvent[] = [];

  constructor(
    readonly response: ServerResponse,
    readonly model: ReadModel,
    readonly stream: EventStream,
  ) {}

  /** Resolves once the reader has caught up; the stream then goes on until it closes. */
  async run(cluster: ClusterName, after: number): Promise<void> {
    this.#lastSent = after;
    this.response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    });
    this.response.write(SSE_KEEPALIVE);
    const unfollow = this.stream.follow(cluster, (events) => this.#happened(events));
    const timer = setInterval(() => this.response.write(SSE_KEEPALIVE), SSE_KEEPALIVE_MS);
    this.response.once('close', () => {
      clearInterval(timer);
      unfollow();
    });
    await this.#catchUp(cluster);
  }

  async #catchUp(cluster: ClusterName): Promise<void> {
    for (;;) {
      const page = await this.model.events(cluster, this.#lastSent, EVENTS_LIMIT_MAX);
      this.#send(page);
      if (page.length < EVENTS_LIMIT_MAX || this.response.destroyed) break;
    }
    this.#caughtUp = true;
    this.#send(this.#waiting);
    this.#waiting = [];
  }

  #happened(events: readonly RecordedEvent[]): void {
    if (this.#caughtUp) this.#send(events);
    else this.#waiting.push(...events);
  }

  #send(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      if (event.sequence <= this.#lastSent) continue;
      this.#lastSent = event.sequence;
      this.response.write(sseMessage(recordedEventJson(event)));
    }
    if (this.response.writableLength > WAITING_BYTES_MAX) this.response.destroy();
  }
}
