import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { SecureContextOptions } from 'node:tls';

/** The first byte of a TLS handshake record; no HTTP request begins with it. */
const TLS_HANDSHAKE = 0x16;
/** A connection that says nothing for this long is closed. */
const FIRST_BYTE_LIMIT_MS = 5_000;
/** A controller that leaves answers the orders it has taken, unless they wait for what does not come. */
const ANSWERED_WITHIN_MS = 1_000;
const ANSWERED_POLL_MS = 10;

/**
 * One port for both: what begins like TLS is HTTPS (a client certificate is asked for, not required),
 * everything else plain HTTP, which may only read.
 */
export class ApiListener {
  readonly #http: Server;
  readonly #https: HttpsServer | null;
  readonly #listener: NetServer;
  readonly #sockets = new Set<Socket>();
  readonly #answers = new Set<ServerResponse>();

  constructor(answer: RequestListener, tls: SecureContextOptions | null) {
    const handle: RequestListener = (request, response) => {
      this.#watch(response);
      answer(request, response);
    };
    this.#http = createHttpServer(handle);
    this.#https =
      tls === null
        ? null
        : createHttpsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, handle);
    this.#listener = createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
      this.#sort(socket),
    );
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#listener.once('error', reject);
      this.#listener.listen(port, host, () => {
        this.#listener.off('error', reject);
        resolve();
      });
    });
  }

  /** For the next clients; whoever is connected stays so. */
  renew(tls: SecureContextOptions): void {
    this.#https?.setSecureContext(tls);
  }

  get port(): number {
    const address = this.#listener.address() as AddressInfo | null;
    return address?.port ?? 0;
  }

  /** Orders under way are answered first, for a moment; streams of events that are open are ended. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    const deadlineMs = performance.now() + ANSWERED_WITHIN_MS;
    while (this.#isAnswering && performance.now() < deadlineMs) await pause(ANSWERED_POLL_MS);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  get #isAnswering(): boolean {
    for (const answer of this.#answers) if (!isStream(answer)) return true;
    return false;
  }

  #watch(answer: ServerResponse): void {
    this.#answers.add(answer);
    answer.once('close', () => this.#answers.delete(answer));
  }

  #sort(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // Unanswerable before a request was read: the connection just ends.
    socket.on('error', () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), FIRST_BYTE_LIMIT_MS);
    socket.once('close', () => clearTimeout(timer));
    socket.once('data', (first: Buffer) => {
      clearTimeout(timer);
      socket.pause();
      socket.unshift(first);
      const secure = first[0] === TLS_HANDSHAKE;
      (secure && this.#https !== null ? this.#https : this.#http).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
    socket.resume();
  }
}

function isStream(answer: ServerResponse): boolean {
  return String(answer.getHeader('content-type') ?? '').startsWith('text/event-stream');
}
