import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { ReadModel } from '../cluster/read-model.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with `head` and all clusters after it, made and sent in slices: with thousands they are megabytes. */
export async function sendClusters(
  reply: FastifyReply,
  head: object,
  model: ReadModel,
): Promise<void> {
  await reply.type(JSON_TYPE).send(Readable.from(clustersText(head, model)));
}

async function* clustersText(head: object, model: ReadModel): AsyncGenerator<string> {
  const empty = JSON.stringify({ ...head, clusters: [] });
  const end = ']}';
  yield empty.slice(0, -end.length);
  let separator = '';
  for await (const views of model.clusters()) {
    yield separator + views.map((view) => JSON.stringify(view)).join(',');
    separator = ',';
  }
  yield end;
}
