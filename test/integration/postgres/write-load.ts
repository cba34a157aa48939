import { setTimeout as delay } from 'node:timers/promises';
import { SqlSession, type SqlTarget } from '#libs/postgres-run';

const CONNECTIONS = 4;

/** Clients that insert rows one commit each, and count what was acknowledged. */
export class WriteLoad {
  acknowledged = 0;
  #stopping = false;
  readonly #clients: Promise<void>[] = [];

  constructor(readonly target: SqlTarget) {
    for (let client = 0; client < CONNECTIONS; client += 1) this.#clients.push(this.#write(client));
  }

  /** Lets it go on for a while; fails when nothing is acknowledged in that time. */
  async run(durationMs: number): Promise<void> {
    const before = this.acknowledged;
    await delay(durationMs);
    if (this.acknowledged === before) throw new Error(`no commit within ${durationMs} ms`);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
  }

  async #write(client: number): Promise<void> {
    const session = new SqlSession(this.target);
    for (let count = 0; !this.#stopping; count += 1) {
      const id = client * 1_000_000 + count;
      await session.query('INSERT INTO written VALUES ($1, repeat($2, 200))', [id, 'x']);
      this.acknowledged += 1;
    }
    session.close();
  }
}
