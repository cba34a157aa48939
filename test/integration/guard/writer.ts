import type { Client } from 'pg';

/** Writes all the time and remembers when the last row was acknowledged. */
export class Writer {
  lastAckMs = 0;
  acknowledged = 0;
  #done: Promise<void> | null = null;

  constructor(readonly client: Client) {}

  async begin(): Promise<void> {
    await this.client.query('create table if not exists written (at timestamptz)');
    this.#done = this.#write();
  }

  /** Resolves when the connection broke. */
  async untilBroken(): Promise<void> {
    await this.#done;
  }

  async #write(): Promise<void> {
    try {
      for (;;) {
        await this.client.query('insert into written values (clock_timestamp())');
        this.lastAckMs = performance.now();
        this.acknowledged += 1;
      }
    } catch (error) {
      if (this.acknowledged === 0) throw error;
    }
  }
}
