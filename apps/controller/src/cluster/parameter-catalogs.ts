import { createHash } from 'node:crypto';
import type { ClusterName, InstanceName } from '#libs/kernel';
import type { CatalogEntry, ParameterCatalog } from '#libs/postgres-model';

/**
 * What the PostgreSQL of each cluster takes for its settings, as its instances last said. Clusters of
 * one version share one catalogue: thousands of them cost the memory of a few.
 */
export class ParameterCatalogs {
  readonly #byDigest = new Map<string, ParameterCatalog>();
  readonly #digests = new Map<ClusterName, Map<InstanceName, string>>();

  learn(cluster: ClusterName, instance: InstanceName, entries: readonly CatalogEntry[]): void {
    const digest = createHash('sha256').update(JSON.stringify(entries)).digest('base64');
    if (!this.#byDigest.has(digest)) {
      this.#byDigest.set(digest, new Map(entries.map((entry) => [entry.name, entry])));
    }
    const instances = this.#digests.get(cluster) ?? new Map<InstanceName, string>();
    instances.set(instance, digest);
    this.#digests.set(cluster, instances);
    this.#forgetUnused();
  }

  /** That of `preferred` when it told its own, else of any instance; null when none has. */
  of(cluster: ClusterName, preferred: InstanceName | null): ParameterCatalog | null {
    const instances = this.#digests.get(cluster);
    if (instances === undefined) return null;
    const digest = (preferred === null ? undefined : instances.get(preferred)) ?? first(instances);
    return digest === undefined ? null : (this.#byDigest.get(digest) ?? null);
  }

  #forgetUnused(): void {
    const used = new Set([...this.#digests.values()].flatMap((one) => [...one.values()]));
    for (const digest of this.#byDigest.keys()) {
      if (!used.has(digest)) this.#byDigest.delete(digest);
    }
  }
}

function first(instances: ReadonlyMap<InstanceName, string>): string | undefined {
  return instances.values().next().value;
}
