import { setTimeout as pause } from 'node:timers/promises';
import { type MonotonicMs, messageOf } from '#libs/kernel';
import { type Credentials, DatabaseConnection, type DatabaseHost } from './database-connection.ts';
import { insertProbeRow, type WrittenAt } from './probe-table.ts';

/** What became of one attempt to write a row. */
export type WriteOutcome =
  | ({ readonly kind: 'acknowledged'; readonly id: number } & WrittenAt)
  /** Committed or not, and perhaps not where it counts: neither promised nor lost. */
  | { readonly kind: 'unknown'; readonly id: number; readonly why: string }
  /** Surely not written: a standby, or no table yet. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unreachable'; readonly why: string };

export type HostWriterOptions = {
  readonly host: DatabaseHost;
  readonly credentials: Credentials;
  readonly run: number;
  readonly intervalMs: number;
  readonly monotonicMs: () => MonotonicMs;
  /** Ids are handed out by the client, so that no two hosts ever write the same one. */
  readonly nextId: () => number;
  readonly onOutcome: (host: DatabaseHost, outcome: WriteOutcome) => void;
};

/**
 * Writes to one host, one row at a time every `intervalMs`, over a connection of its own that it
 * opens again whenever it breaks. Whether the host may take writes is for the host to say.
 */
export class HostWriter {
  readonly #options: HostWriterOptions;
  readonly #stopped = new AbortController();
  #connection: DatabaseConnection | null = null;
  #loop: Promise<void> | null = null;

  constructor(options: HostWriterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#writeUntilStopped();
  }

  /** Resolves when the last attempt has ended, at most the query timeout later. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    this.#connection?.close();
    this.#connection = null;
  }

  async #writeUntilStopped(): Promise<void> {
    const { intervalMs, monotonicMs, host, onOutcome } = this.#options;
    let due: number = monotonicMs();
    while (!this.#stopped.signal.aborted) {
      onOutcome(host, await this.#attempt());
      // A late attempt is not made up for: a burst would hide how long the host gave no answer.
      due = Math.max(due + intervalMs, monotonicMs());
      await pause(Math.max(0, due - monotonicMs()));
    }
  }

  async #attempt(): Promise<WriteOutcome> {
    const connection = await this.#connected();
    if (!(connection instanceof DatabaseConnection)) return connection;
    const { run, nextId, host } = this.#options;
    const id = nextId();
    const warningsBefore = connection.warnings;
    try {
      const written = await insertProbeRow(connection.client, { run, id, host: host.name });
      // "Canceling wait for synchronous replication": the commit is local, its promise is not kept.
      if (connection.warnings > warningsBefore) {
        return { kind: 'unknown', id, why: 'acknowledged with a warning' };
      }
      return { kind: 'acknowledged', id, ...written };
    } catch (error) {
      if (isRefusal(error)) return { kind: 'refused', why: messageOf(error) };
      this.#disconnect();
      return { kind: 'unknown', id, why: messageOf(error) };
    }
  }

  async #connected(): Promise<DatabaseConnection | WriteOutcome> {
    if (this.#connection !== null && this.#connection.failure === null) return this.#connection;
    this.#disconnect();
    const connection = new DatabaseConnection(this.#options.host, this.#options.credentials);
    try {
      await connection.connect();
      this.#connection = connection;
      return connection;
    } catch (error) {
      connection.close();
      return { kind: 'unreachable', why: messageOf(error) };
    }
  }

  #disconnect(): void {
    this.#connection?.close();
    this.#connection = null;
  }
}

/** SQLSTATEs after which the session lives on: read-only transaction (a standby), undefined table. */
function isRefusal(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return error.code === '25006' || error.code === '42P01';
}
