import { join } from 'node:path';
import type { SqlSession } from '#libs/postgres-run';
import type { LocalInstance } from './local-instance.ts';

/**
 * Connections to the local instance: a look that hangs must not hold up a promotion, and a write that
 * waits for the disk neither of them. Made anew when the cluster's superuser turns out to have another name.
 */
export class LocalSessions {
  #superuser: string | null = null;
  #looks: SqlSession | null = null;
  #steps: SqlSession | null = null;
  #writes: SqlSession | null = null;

  constructor(
    readonly local: LocalInstance,
    readonly superuser: () => string,
  ) {}

  get looks(): SqlSession {
    this.#renew();
    this.#looks ??= this.local.session(this.superuser(), 'matriarch agent looks');
    return this.#looks;
  }

  get steps(): SqlSession {
    this.#renew();
    this.#steps ??= this.local.session(this.superuser());
    return this.#steps;
  }

  /** Of the write probe alone. */
  get writes(): SqlSession {
    this.#renew();
    this.#writes ??= this.local.session(this.superuser(), 'matriarch agent write probe');
    return this.#writes;
  }

  /** Where a client on this host connects. */
  get socketPath(): string {
    const { socketDirectory, listen } = this.local.config.postgres;
    return join(socketDirectory, `.s.PGSQL.${listen.port}`);
  }

  /** Before a stop, which waits for the end of each. A statement under way is left alone; the next one connects anew. */
  async leave(): Promise<void> {
    const idle = [this.#looks, this.#steps, this.#writes].filter((each) => each?.waiting === 0);
    await Promise.all(idle.map((session) => session?.end()));
  }

  async close(): Promise<void> {
    await Promise.all([this.#looks?.close(), this.#steps?.close(), this.#writes?.close()]);
  }

  #renew(): void {
    const superuser = this.superuser();
    if (superuser === this.#superuser) return;
    this.#superuser = superuser;
    void this.close();
    this.#looks = null;
    this.#steps = null;
    this.#writes = null;
  }
}
