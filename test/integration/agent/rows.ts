import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { messageOf } from '#libs/kernel';
import type { AgentHost } from './agent-host.ts';

const RETRY_MS = 5;
const WRITE_LIMIT_MS = 1_000;

/** Writes numbered rows to whoever is primary, remembers which were acknowledged, and the longest gap. */
export class Rows {
  readonly #acknowledged: number[] = [];
  #next = 1;
  #running: Promise<void> | null = null;
  #stopping = false;
  #lastAckMs = 0;
  #longestGapMs = 0;
  lastError: string | null = null;

  constructor(readonly primary: () => AgentHost | null) {}

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  async prepare(): Promise<void> {
    const client = await this.primary()?.client();
    await client?.query('CREATE TABLE IF NOT EXISTS rows (id bigint PRIMARY KEY)');
    await client?.end();
  }

  begin(): void {
    this.#longestGapMs = 0;
    this.#lastAckMs = performance.now();
    this.#stopping = false;
    this.#running = this.#write();
  }

  /** @returns the longest time between two acknowledgements, whole ms */
  async end(): Promise<number> {
    await this.stop();
    return Math.round(this.#longestGapMs);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    this.#running = null;
  }

  /** How many acknowledged rows the primary does not have. */
  async lost(): Promise<number> {
    const client = await this.primary()?.client();
    if (client === undefined) throw new Error('there is no primary');
    const result = await client.query<{ id: string }>('SELECT id FROM rows');
    await client.end();
    const there = new Set(result.rows.map(({ id }) => Number(id)));
    return this.#acknowledged.filter((id) => !there.has(id)).length;
  }

  async #write(): Promise<void> {
    let client: Client | null = null;
    while (!this.#stopping) {
      try {
        client ??= (await this.primary()?.client()) ?? null;
        if (client === null) throw new Error('there is no primary');
        await this.#writeOne(client);
      } catch (error) {
        this.lastError = messageOf(error);
        void client?.end().catch(() => undefined);
        client = null;
        await delay(RETRY_MS);
      }
    }
    await client?.end();
  }

  async #writeOne(client: Client): Promise<void> {
    const id = this.#next;
    this.#next += 1;
    const limit = delay(WRITE_LIMIT_MS).then(() => {
      throw new Error('the write took too long');
    });
    await Promise.race([client.query('INSERT INTO rows VALUES ($1)', [id]), limit]);
    const nowMs = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastAckMs);
    this.#lastAckMs = nowMs;
    this.#acknowledged.push(id);
  }
}
