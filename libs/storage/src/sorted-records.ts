import type { BackendOperation, BackendSnapshot, IteratorOptions } from './disk.ts';

type Record = { readonly key: Uint8Array; readonly value: Uint8Array };

/** Keys in byte order with their values, in memory. */
export class SortedRecords {
  /** Keys as binary strings: their order is the order of the bytes. */
  #order: string[] = [];
  #values = new Map<string, Record>();
  #sizeBytes = 0;

  get count(): number {
    return this.#order.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(nameOf(key))?.value;
  }

  at(place: number): Record | null {
    const name = this.#order[place];
    return name === undefined ? null : (this.#values.get(name) ?? null);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.apply({ type: 'put', key, value });
  }

  /** @returns the operation that takes this one back */
  apply(operation: BackendOperation): BackendOperation {
    const name = nameOf(operation.key);
    const old = this.#values.get(name);
    if (old !== undefined) this.#sizeBytes -= old.key.length + old.value.length;
    if (operation.type === 'put') {
      if (old === undefined) this.#order.splice(this.#placeOf(name), 0, name);
      const { key, value } = operation;
      this.#values.set(name, { key, value });
      this.#sizeBytes += key.length + value.length;
    } else if (old !== undefined) {
      this.#order.splice(this.#placeOf(name), 1);
      this.#values.delete(name);
    }
    if (old === undefined) return { type: 'del', key: operation.key };
    return { type: 'put', key: old.key, value: old.value };
  }

  range(options: IteratorOptions): readonly (readonly [Uint8Array, Uint8Array])[] {
    const source = options.snapshot instanceof FrozenRecords ? options.snapshot.records : this;
    return source.#select(options);
  }

  freeze(): BackendSnapshot {
    return new FrozenRecords(this.copy());
  }

  copy(): SortedRecords {
    const copy = new SortedRecords();
    copy.replaceBy(this);
    return copy;
  }

  replaceBy(other: SortedRecords): void {
    this.#order = [...other.#order];
    this.#values = new Map(other.#values);
    this.#sizeBytes = other.#sizeBytes;
  }

  clear(): void {
    this.replaceBy(new SortedRecords());
  }

  #select(options: IteratorOptions): readonly (readonly [Uint8Array, Uint8Array])[] {
    const from = this.#placeOf(nameOf(options.gte));
    const to = Math.max(from, this.#placeOf(nameOf(options.lt)));
    const count = Math.min(options.limit ?? to - from, to - from);
    const names =
      options.reverse === true
        ? this.#order.slice(to - count, to).reverse()
        : this.#order.slice(from, from + count);
    return names.flatMap((name) => {
      const found = this.#values.get(name);
      return found === undefined ? [] : [[found.key, found.value] as const];
    });
  }

  /** Where `name` is, or would be. */
  #placeOf(name: string): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle] ?? '') < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

class FrozenRecords implements BackendSnapshot {
  constructor(readonly records: SortedRecords) {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
