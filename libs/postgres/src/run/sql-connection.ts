import { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import { DomainError } from '#libs/kernel';

export type SqlTarget = {
  /** A directory with the Unix socket, or a host. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
  readonly ssl?: ClientConfig['ssl'];
  /** As it shows in `pg_stat_activity`. */
  readonly applicationName?: string;
  /** Until connected and authenticated. */
  readonly connectTimeoutMs: number;
  /** A statement without a limit of its own. */
  readonly statementTimeoutMs: number;
  /** Connect to the walsender, which takes replication commands only. */
  readonly replication?: boolean;
  /** Its commits never wait for standbys: ours make the roles by which standbys come at all. */
  readonly localCommit?: boolean;
};

export type Row = Readonly<Record<string, unknown>>;

export class SqlTimeoutError extends DomainError {
  readonly code = 'SQL_TIMEOUT';

  constructor(what: string, limitMs: number) {
    super(`${what} gave no answer within ${limitMs} ms`);
  }
}

/** The driver's client over a socket that can be destroyed at any time; not made again once broken. */
export class Connection {
  broken = false;
  readonly #socket = new Socket();
  readonly #client: Client;
  #connected: Promise<void> | undefined;

  constructor(readonly target: SqlTarget) {
    this.#client = new Client(clientConfig(target, this.#socket));
    const markBroken = (): void => {
      this.broken = true;
    };
    // The driver tells an idle connection's end by an event; without a listener it would throw.
    this.#client.on('error', markBroken);
    this.#client.on('end', markBroken);
    this.#socket.on('close', markBroken);
  }

  /** @throws SqlTimeoutError, or the driver's error */
  connect(): Promise<void> {
    this.#connected ??= this.#limited(
      'connecting',
      this.target.connectTimeoutMs,
      this.#client.connect().then(() => undefined),
    );
    return this.#connected;
  }

  /** `name`: prepared once on this connection, so that it is not parsed and planned each time. */
  async query(
    text: string,
    values: readonly unknown[] | undefined,
    limitMs: number,
    name?: string,
  ): Promise<Row[]> {
    const named = name === undefined ? {} : { name };
    const query = values === undefined ? { text } : { text, values: [...values], ...named };
    const result = await this.#limited('a statement', limitMs, this.#client.query<Row>(query));
    // Several statements give several results: the last one counts.
    const last = Array.isArray(result) ? result.at(-1) : result;
    return last?.rows ?? [];
  }

  /** Resolves when the server has closed its side, or at the limit of a connect. */
  async end(): Promise<void> {
    if (this.broken) return this.destroy();
    try {
      await this.#limited('taking leave', this.target.connectTimeoutMs, this.#client.end());
    } catch {
      // Destroyed by then: the server finds that out by itself.
    }
  }

  destroy(): void {
    this.broken = true;
    this.#socket.destroy();
  }

  async #limited<T>(what: string, limitMs: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new SqlTimeoutError(what, limitMs)), limitMs);
    });
    try {
      return await Promise.race([work, limit]);
    } catch (error) {
      if (!isStatementError(error)) this.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

function clientConfig(target: SqlTarget, socket: Socket): ClientConfig {
  const config: ClientConfig & { replication?: string } = {
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    stream: () => socket,
    application_name: target.applicationName ?? 'matriarch',
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.ssl === undefined ? {} : { ssl: target.ssl }),
    ...(target.localCommit === true ? { options: '-c synchronous_commit=local' } : {}),
    ...(target.replication === true ? { replication: 'true' } : {}),
  };
  return config;
}

/** Errors of severity ERROR leave the connection usable; all others end it. */
function isStatementError(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'severity' in error && error.severity === 'ERROR'
  );
}
