import type { ReachableInstance } from '#libs/postgres-run';

/** Since when the standbys that commits wait for have not been streaming. */
export class Absence {
  readonly #since = new Map<string, number>();

  look(sql: ReachableInstance, names: readonly string[], nowMs: number): void {
    const streaming = sql.replicas.filter(({ state }) => state === 'streaming');
    for (const name of names) {
      const there = streaming.some(({ applicationName }) => applicationName === name);
      if (there) this.#since.delete(name);
      else if (!this.#since.has(name)) this.#since.set(name, nowMs);
    }
    for (const name of this.#since.keys()) if (!names.includes(name)) this.#since.delete(name);
  }

  list(nowMs: number): { readonly name: string; readonly forMs: number }[] {
    return [...this.#since].map(([name, since]) => ({ name, forMs: Math.round(nowMs - since) }));
  }
}
