import { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import { DomainError, messageOf } from '#libs/kernel';

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
};

export class SqlTimeoutError extends DomainError {
  readonly code = 'SQL_TIMEOUT';

  constructor(what: string, limitMs: number) {
    super(`${what} gave no answer within ${limitMs} ms`);
  }
}

export type Row = Readonly<Record<string, unknown>>;

/**
 * One connection that is kept, made again when it broke, and used by one statement at a time. A
 * statement that meets its limit takes the connection with it: whatever the server does (hung disk,
 * frozen process), the caller goes on.
 */
export class SqlSession {
  #connection: Promise<Connection> | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(readonly target: SqlTarget) {}

  /** Statements that wait or run; a caller that sees it grow should stop asking. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * @param values `$1` ...; without any, the simple protocol is used (several statements, replication)
   * @throws SqlTimeoutError, or the driver's error with the SQLSTATE or system error as `code`
   */
  async query(text: string, values?: readonly unknown[], timeoutMs?: number): Promise<Row[]> {
    const limitMs = timeoutMs ?? this.target.statementTimeoutMs;
    this.#waiting += 1;
    const turn = this.#tail.then(() => this.#run(text, values, limitMs));
    this.#tail = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Drops the connection; the next query makes a new one. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then(
      (open) => open.destroy(),
      () => undefined,
    );
  }

  async #run(
    text: string,
    values: readonly unknown[] | undefined,
    limitMs: number,
  ): Promise<Row[]> {
    const connection = await this.#connected();
    try {
      return await connection.query(text, values, limitMs);
    } finally {
      if (connection.broken) this.#connection = undefined;
    }
  }

  async #connected(): Promise<Connection> {
    this.#connection ??= Connection.open(this.target);
    try {
      const connection = await this.#connection;
      if (!connection.broken) return connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
    this.#connection = Connection.open(this.target);
    return this.#connected();
  }
}

/** A live connection: the driver's client over a socket that can be destroyed at any time. */
class Connection {
  broken = false;

  private constructor(
    readonly client: Client,
    readonly socket: Socket,
  ) {
    const markBroken = (): void => {
      this.broken = true;
    };
    // The driver tells an idle connection's end by an event; without a listener it would throw.
    client.on('error', markBroken);
    client.on('end', markBroken);
    socket.on('close', markBroken);
  }

  static async open(target: SqlTarget): Promise<Connection> {
    const socket = new Socket();
    const connection = new Connection(new Client(clientConfig(target, socket)), socket);
    await connection.#limited('connecting', target.connectTimeoutMs, connection.client.connect());
    return connection;
  }

  async query(
    text: string,
    values: readonly unknown[] | undefined,
    limitMs: number,
  ): Promise<Row[]> {
    const query = values === undefined ? { text } : { text, values: [...values] };
    const result = await this.#limited('a statement', limitMs, this.client.query<Row>(query));
    // Several statements give several results: the last one counts.
    const last = Array.isArray(result) ? result.at(-1) : result;
    return last?.rows ?? [];
  }

  destroy(): void {
    this.broken = true;
    this.socket.destroy();
  }

  async #limited<T>(what: string, limitMs: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new SqlTimeoutError(what, limitMs));
        this.destroy();
      }, limitMs);
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
    ...(target.replication === true ? { replication: 'true' } : {}),
  };
  return config;
}

/** Errors of severity ERROR leave the connection usable; all others end it. */
function isStatementError(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'severity' in error &&
    error.severity === 'ERROR' &&
    messageOf(error) !== ''
  );
}
