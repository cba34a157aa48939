import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { API_PATHS, type EventsAnswer, eventsQuery, recordedEventJson } from '#libs/api';
import { EventStream } from '../agents/event-stream.ts';
import { ReadModel } from '../cluster/read-model.ts';
import { knownCluster } from './known-cluster.ts';
import { SseReader } from './sse-reader.ts';

const EVENTS = `${API_PATHS.clusters}/:cluster/events`;

/** The recorded history, from any controller. */
@Controller()
export class EventsController {
  constructor(
    private readonly model: ReadModel,
    private readonly stream: EventStream,
  ) {}

  @Get(EVENTS)
  async events(@Param('cluster') name: string, @Query() query: unknown): Promise<EventsAnswer> {
    const { after, limit } = eventsQuery.parse(query);
    const state = knownCluster(this.model, name);
    const events = await this.model.events(state.name, after, limit);
    return { events: events.map(recordedEventJson), newest: state.sequence };
  }

  /** A reader that comes back sends the id of its last message, as browsers do. */
  @Get(`${EVENTS}/stream`)
  async follow(
    @Param('cluster') name: string,
    @Query() query: unknown,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { after } = eventsQuery.parse(query);
    const state = knownCluster(this.model, name);
    const resumed = Number(lastEventId ?? Number.NaN);
    reply.hijack();
    const reader = new SseReader(reply.raw, this.model, this.stream);
    await reader.run(state.name, Number.isSafeInteger(resumed) ? resumed : after);
  }
}
