import { Socket } from 'node:net';
import pg from 'pg';

/** One database host, as the client reaches it. */
export type DatabaseHost = { readonly name: string; readonly host: string; readonly port: number };

export type Credentials = {
  readonly user: string;
  readonly password: string;
  readonly database: string;
};

/** What the client waits for a connection and for an answer. */
const CONNECT_TIMEOUT_MS = 400;
const QUERY_TIMEOUT_MS = 1_000;

/**
 * A connection whose socket is ours, so that `close` can end it at once: a host whose link is cut
 * never answers a polite goodbye.
 */
export class DatabaseConnection {
  readonly client: pg.Client;
  readonly #socket = new Socket();
  #failure: Error | null = null;
  #warnings = 0;

  constructor(host: DatabaseHost, credentials: Credentials, queryTimeoutMs = QUERY_TIMEOUT_MS) {
    this.client = new pg.Client({
      host: host.host,
      port: host.port,
      ...credentials,
      ssl: false,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: queryTimeoutMs,
      application_name: 'matriarch-writing-client',
      stream: () => this.#socket,
    });
    this.client.on('error', (error) => {
      this.#failure = error;
    });
    this.client.on('notice', (notice) => {
      if (notice.severity === 'WARNING') this.#warnings += 1;
    });
  }

  /** What broke the connection while nobody waited for an answer. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Warnings received so far, in any language. */
  get warnings(): number {
    return this.#warnings;
  }

  async connect(): Promise<void> {
    await this.client.connect();
  }

  close(): void {
    this.#socket.destroy();
  }
}
