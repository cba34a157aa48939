import type { FastifyInstance } from 'fastify';
import { codeOf, messageOf } from '#libs/kernel';
import type { SignedNote } from '#libs/transport';
import { FAILSAFE_PATH } from '../failsafe/send-note.ts';

const NOTE_MAX_BYTES = 16_384;
const NO = 503;
const OFF = 502;

export type FailsafeEndpoint = {
  /** @throws when this member promises nothing */
  readonly answer: (note: unknown) => SignedNote;
  /** Name and address of each member that would be asked; null while failsafe is off. */
  readonly members: () => Readonly<Record<string, string>> | null;
};

/** Patroni's paths; what is said on POST is ours (signed, bound to an epoch). */
export function failsafeRoute(app: FastifyInstance, { answer, members }: FailsafeEndpoint): void {
  app.get(FAILSAFE_PATH, (_request, reply) => {
    const known = members();
    return known ?? reply.code(OFF).send({ problem: 'failsafe is off' });
  });
  app.post(FAILSAFE_PATH, { bodyLimit: NOTE_MAX_BYTES }, (request, reply) => {
    try {
      return answer(request.body);
    } catch (error) {
      return reply.code(NO).send({ code: codeOf(error) ?? null, problem: messageOf(error) });
    }
  });
}
