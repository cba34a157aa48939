import type { SqlSession } from '#libs/postgres-run';
import type { LocalInstance } from './local-instance.ts';

/**
 * Two connections to the local instance: a look that hangs must not hold up a promotion. Made anew
 * when the cluster's superuser turns out to have another name.
 */
export class LocalSessions {
  #superuser: string | null = null;
  #looks: SqlSession | null = null;
  #steps: SqlSession | null = null;

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

  async close(): Promise<void> {
    await Promise.all([this.#looks?.close(), this.#steps?.close()]);
  }

  #renew(): void {
    const superuser = this.superuser();
    if (superuser === this.#superuser) return;
    this.#superuser = superuser;
    void this.close();
    this.#looks = null;
    this.#steps = null;
  }
}
