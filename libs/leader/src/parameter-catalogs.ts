import type { ClusterName, InstanceName } from '#libs/kernel';
import type { CatalogEntry, ParameterCatalog } from '#libs/postgres-model';

/**
 * What the PostgreSQL of each cluster takes for its settings, as its instances last said. Clusters of
 * one version share one catalogue: thousands of them cost the memory of a few.
 */
export class ParameterCatalogs {
  readonly #byText = new Map<string, ParameterCatalog>();
  readonly #told = new Map<ClusterName, Map<InstanceName, ParameterCatalog>>();

  learn(cluster: ClusterName, instance: InstanceName, entries: readonly CatalogEntry[]): void {
    const text = JSON.stringify(entries);
    let catalog = this.#byText.get(text);
    if (catalog === undefined) {
      catalog = new Map(entries.map((entry) => [entry.name, entry]));
      this.#byText.set(text, catalog);
    }
    const instances = this.#told.get(cluster) ?? new Map<InstanceName, ParameterCatalog>();
    instances.set(instance, catalog);
    this.#told.set(cluster, instances);
    this.#forgetUnused();
  }

  /** That of `preferred` when it told its own, else of any instance; null when none has. */
  of(cluster: ClusterName, preferred: InstanceName | null): ParameterCatalog | null {
    const instances = this.#told.get(cluster);
    if (instances === undefined) return null;
    const own = preferred === null ? undefined : instances.get(preferred);
    return own ?? instances.values().next().value ?? null;
  }

  #forgetUnused(): void {
    const used = new Set([...this.#told.values()].flatMap((one) => [...one.values()]));
    for (const [text, catalog] of this.#byText) {
      if (!used.has(catalog)) this.#byText.delete(text);
    }
  }
}
