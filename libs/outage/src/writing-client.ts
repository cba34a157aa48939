import { performance } from 'node:perf_hooks';
import {
  DomainError,
  type Lsn,
  type MonotonicMs,
  maxLsn,
  messageOf,
  monotonicMs,
  type TimelineId,
  ZERO_LSN,
} from '#libs/kernel';
import { AcknowledgedIds } from './acknowledged-ids.ts';
import { type Credentials, DatabaseConnection, type DatabaseHost } from './database-connection.ts';
import { HostWriter, type WriteOutcome } from './host-writer.ts';
import { Ledger, type OutageTally } from './ledger.ts';
import { createProbeTable, presentIds } from './probe-table.ts';

class NoSuchHostError extends DomainError {
  readonly code = 'NO_SUCH_HOST';

  constructor(name: string, known: readonly string[]) {
    super(`the writing client knows no host '${name}': it writes to ${known.join(', ')}`);
  }
}

export type WritingClientOptions = {
  readonly hosts: readonly DatabaseHost[];
  readonly credentials: Credentials;
  /** Between two attempts at one host. */
  readonly intervalMs?: number;
};

/** What one look at the client shows. */
export type ClientView = OutageTally & {
  /** Acknowledged rows since the start, whatever was marked in between. */
  readonly totalAcknowledged: number;
  readonly openGapMs: number;
  /** The host of the last acknowledged row, and what each host last said instead of it. */
  readonly lastHost: string | null;
  readonly refusals: ReadonlyMap<string, string>;
  /** How far each timeline was acknowledged: what lies beyond the point where it was left is lost. */
  readonly acknowledgedTo: ReadonlyMap<TimelineId, Lsn>;
};

const WRITE_INTERVAL_MS = 10;
const IDS_A_QUERY = 50_000;
/** Reading a chunk back may take longer than a write may. */
const READ_BACK_TIMEOUT_MS = 10_000;

/**
 * The client by which an outage is measured: it writes to every database host at once and counts
 * gap, dual and lost by what was acknowledged to it, whoever claims to be the primary.
 */
export class WritingClient {
  readonly #options: WritingClientOptions;
  readonly #run: number;
  readonly #ledger = new Ledger();
  readonly #ids = new AcknowledgedIds();
  readonly #refusals = new Map<string, string>();
  readonly #acknowledgedTo = new Map<TimelineId, Lsn>();
  readonly #writers: readonly HostWriter[];
  #nextId = 0;

  constructor(options: WritingClientOptions) {
    this.#options = options;
    this.#run = Math.trunc(performance.timeOrigin * 1_000 + performance.now() * 1_000);
    this.#writers = options.hosts.map(
      (host) =>
        new HostWriter({
          host,
          credentials: options.credentials,
          run: this.#run,
          intervalMs: options.intervalMs ?? WRITE_INTERVAL_MS,
          monotonicMs: now,
          nextId: () => this.#nextId++,
          onOutcome: (from, outcome) => this.#take(from, outcome),
        }),
    );
  }

  /** Creates the table on the primary. */
  async prepare(primary: string): Promise<void> {
    await this.#withConnection(primary, (connection) => createProbeTable(connection.client));
  }

  start(): void {
    for (const writer of this.#writers) writer.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.stop()));
  }

  /** Begins a new count of gap and dual; what is lost is always counted from the start. */
  mark(): void {
    this.#ledger.mark();
  }

  /** Begins a new count of the gap alone. */
  markGap(): void {
    this.#ledger.markGap();
  }

  view(): ClientView {
    return {
      ...this.#ledger.tally(now()),
      totalAcknowledged: this.#ids.count,
      openGapMs: this.#ledger.openGapMs(now()),
      lastHost: this.#ledger.last?.host ?? null,
      refusals: this.#refusals,
      acknowledgedTo: this.#acknowledgedTo,
    };
  }

  /** How many rows that were acknowledged so far this host does not have. */
  async countLost(primary: string): Promise<number> {
    const end = this.#ids.end;
    let lost = 0;
    await this.#withConnection(primary, async ({ client }) => {
      for (let from = 0; from < end; from += IDS_A_QUERY) {
        const to = Math.min(end, from + IDS_A_QUERY);
        // Taken before the query: a row acknowledged while it runs is not missing for being new.
        const expected = this.#ids.within(from, to);
        const present = await presentIds(client, { run: this.#run, from, to });
        lost += expected.filter((id) => !present.has(id)).length;
      }
    });
    return lost;
  }

  #take(from: DatabaseHost, outcome: WriteOutcome): void {
    if (outcome.kind !== 'acknowledged') {
      this.#refusals.set(from.name, outcome.why);
      return;
    }
    this.#refusals.delete(from.name);
    this.#ids.add(outcome.id);
    const { timeline, lsn } = outcome;
    this.#ledger.acknowledge({ host: from.name, timeline, at: now() });
    const before = this.#acknowledgedTo.get(timeline) ?? ZERO_LSN;
    this.#acknowledgedTo.set(timeline, maxLsn(before, lsn));
  }

  async #withConnection(
    name: string,
    use: (connection: DatabaseConnection) => Promise<void>,
  ): Promise<void> {
    const { hosts, credentials } = this.#options;
    const host = hosts.find((candidate) => candidate.name === name);
    if (host === undefined) {
      throw new NoSuchHostError(
        name,
        hosts.map((known) => known.name),
      );
    }
    const connection = new DatabaseConnection(host, credentials, READ_BACK_TIMEOUT_MS);
    try {
      await connection.connect();
      await use(connection);
    } catch (error) {
      throw new ProbeFailedError(host, error);
    } finally {
      connection.close();
    }
  }
}

class ProbeFailedError extends DomainError {
  readonly code = 'PROBE_FAILED';

  constructor(host: DatabaseHost, cause: unknown) {
    super(`database ${host.name} at ${host.host}:${host.port}: ${messageOf(cause)}`, { cause });
  }
}

function now(): MonotonicMs {
  return monotonicMs(performance.now());
}
