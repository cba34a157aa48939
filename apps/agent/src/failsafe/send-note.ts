import { Agent, request } from 'node:http';
import type { Endpoint } from '#libs/cluster';
import { DomainError } from '#libs/kernel';
import type { SignedNote } from '#libs/transport';

export const FAILSAFE_PATH = '/failsafe';

class MemberSilentError extends DomainError {
  readonly code = 'MEMBER_SILENT';
}

/** Within it every member has to answer: the right of the primary lasts little longer. */
const ANSWER_LIMIT_MS = 1_000;
const ANSWER_MAX_BYTES = 16_384;
const OK = 200;

/** Rounds follow each other closely: links are kept between them. */
const links = new Agent({ keepAlive: true, maxSockets: 4 });

/** @throws MemberSilentError when it does not answer, or says no */
export function sendNote({ host, port }: Endpoint, note: SignedNote): Promise<unknown> {
  const body = JSON.stringify(note);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const where = { host, port, path: FAILSAFE_PATH, method: 'POST', headers, agent: links };
  return new Promise((resolve, reject) => {
    const asked = request(where, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > ANSWER_MAX_BYTES) asked.destroy();
      });
      response.on('error', (cause) => reject(silent(cause)));
      response.on('end', () => {
        if (response.statusCode === OK) resolve(JSON.parse(text));
        else reject(new MemberSilentError(`it says ${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    asked.setTimeout(ANSWER_LIMIT_MS, () => asked.destroy(new Error('no answer in time')));
    asked.on('error', (cause) => reject(silent(cause)));
    asked.end(body);
  });
}

function silent(cause: Error): MemberSilentError {
  return new MemberSilentError(`it does not answer: ${cause.message}`, { cause });
}
