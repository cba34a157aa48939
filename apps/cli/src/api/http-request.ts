import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { PeerCertificate } from 'node:tls';
import type { TlsFiles } from '#libs/config';
import { codeOf, messageOf } from '#libs/kernel';
import { type ForeignCertificate, foreignCertificate } from './foreign-certificate.ts';

export type HttpCall = {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly tls: TlsFiles | null;
  readonly body?: string;
  /** Until the answer's head is there. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
};

export type HttpAnswer = { readonly status: number; readonly body: string };

/** `sent` tells whether the other side may have acted on the request. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  /** What to do, where it is known better than to look whether a controller runs there. */
  readonly wayOut: string | null;

  constructor(
    readonly sent: boolean,
    cause: unknown,
    /** Of a server that gave no head of an answer; null where it did. */
    silent: URL | null = null,
    foreign: ForeignCertificate | null = null,
  ) {
    super(foreign?.why ?? inWords(cause, sent, silent), { cause });
    this.wayOut = foreign?.wayOut ?? null;
  }
}

const BODY_MAX_BYTES = 16_777_216;

/** @throws HttpFailure */
export async function callHttp(call: HttpCall): Promise<HttpAnswer> {
  const response = await openHttp(call);
  try {
    return { status: response.statusCode ?? 0, body: await bodyOf(response) };
  } catch (cause) {
    throw new HttpFailure(true, cause);
  }
}

/** The answer with its body still to come. @throws HttpFailure */
export function openHttp(call: HttpCall): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = startRequest(call);
    let connected = false;
    const timer = setTimeout(() => {
      request.destroy(new Error(`no answer within ${call.timeoutMs} ms`));
    }, call.timeoutMs);
    request.on('socket', (socket) => {
      socket.once(call.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        connected = true;
      });
    });
    request.on('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    request.on('error', (cause) => {
      clearTimeout(timer);
      void foreignCertificate(codeOf(cause), call.url, call.tls).then((foreign) => {
        // A handshake that one of the two refused: nothing after it was read.
        reject(new HttpFailure(connected && foreign === null, cause, call.url, foreign));
      }, reject);
    });
    request.end(call.body);
  });
}

function startRequest({ method, url, tls, body, signal }: HttpCall): ClientRequest {
  const headers = {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  };
  const common = {
    method,
    headers,
    agent: false as const,
    ...(signal === undefined ? {} : { signal }),
  };
  if (url.protocol === 'http:') return httpRequest(url, common);
  return httpsRequest(url, { ...common, ...tls, checkServerIdentity: controllerOnly });
}

/** Certificates speak for processes, not for addresses: it must be a controller of this authority. */
function controllerOnly(_host: string, certificate: PeerCertificate): Error | undefined {
  const names = (certificate.subjectaltname ?? '').split(', ');
  const isController = names.some((name) =>
    /^URI:urn:matriarch:[0-9a-f]{16}:controller:/.test(name),
  );
  return isController ? undefined : new Error("its certificate is not a controller's");
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_MAX_BYTES) throw new Error(`the answer has more than ${BODY_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function inWords(cause: unknown, sent: boolean, silent: URL | null): string {
  const code = codeOf(cause) ?? '';
  if (code.startsWith('HPE_')) return `what answers there speaks no HTTP${wrongPort(silent)}`;
  switch (code) {
    case 'ECONNREFUSED':
      return 'connection refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return sent ? `connection lost${wrongPort(silent)}` : 'connection lost';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name is not known';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no route';
    default:
      return messageOf(cause);
  }
}

const API_PORT = '7401';

/** A controller ends what comes to its other port with words of HTTP; one that dies looks the same from here. */
function wrongPort(silent: URL | null): string {
  if (silent === null || silent.port === API_PORT) return '';
  return (
    ` before any answer (--api names port ${silent.port || silent.protocol.slice(0, -1)} and wants that of \`api\` in a controller's file, ${API_PORT} unless it says ` +
    'another; that of `listen` is for controllers and agents)'
  );
}
