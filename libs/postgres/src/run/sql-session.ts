import { Connection, type Row, type SqlTarget } from './sql-connection.ts';

/**
 * One connection that is kept, made again when it broke, and used by one statement at a time. A
 * statement that meets its limit takes the connection with it: whatever the server does (hung disk,
 * frozen process), the caller goes on.
 */
export class SqlSession {
  #connection: Connection | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(readonly target: SqlTarget) {}

  /** Statements that wait or run; a caller that sees it grow should stop asking. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * @param values `$1` ...; without any, the simple protocol is used (several statements, replication)
   * @param name of a statement that is asked again and again: prepared once for each connection
   * @throws SqlTimeoutError, or the driver's error with the SQLSTATE or system error as `code`
   */
  async query(
    text: string,
    values?: readonly unknown[],
    timeoutMs?: number,
    name?: string,
  ): Promise<Row[]> {
    const limitMs = timeoutMs ?? this.target.statementTimeoutMs;
    this.#waiting += 1;
    const turn = this.#tail.then(() => this.#run(text, values, limitMs, name));
    // The next one waits for its end, however it ends.
    this.#tail = Promise.allSettled([turn]);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Drops the connection, also one that is being made; the next query makes a new one. */
  close(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  /** Takes leave; the server's process has gone when it resolves, or did not in the time of a connect. */
  async end(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.end();
  }

  async #run(
    text: string,
    values: readonly unknown[] | undefined,
    limitMs: number,
    name: string | undefined,
  ): Promise<Row[]> {
    if (this.#connection === undefined || this.#connection.broken) {
      this.#connection = new Connection(this.target);
    }
    const connection = this.#connection;
    await connection.connect();
    return connection.query(text, values, limitMs, name);
  }
}
