import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

type Answer = { readonly status: number; readonly body: unknown };
export type Handler = (
  request: { readonly method: string; readonly path: string; readonly body: string },
  response: ServerResponse,
) => Answer | null | Promise<Answer | null>;

/** A real server on a free port of loopback that answers as it is told; null: it has answered itself. */
export class FakeController {
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(server: Server, scheme: string) {
    this.#server = server;
    this.#scheme = scheme;
  }

  static async start(handler: Handler, tls?: ServerOptions): Promise<FakeController> {
    const server = tls === undefined ? createHttp() : createHttps(tls);
    const fake = new FakeController(server, tls === undefined ? 'http' : 'https');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void fake.#answer(handler, request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(
    handler: Handler,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { method = '', url: path = '' } = request;
    this.asked.push(`${method} ${path} ${body}`.trimEnd());
    const answer = await handler({ method, path, body }, response);
    if (answer === null) return;
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  }
}
