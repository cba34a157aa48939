import type { KeyRange } from './keys.ts';

/** What stands beneath the record layer: LevelDB and two files in production, memory in the simulator. */
export interface StoreDisk {
  /** For messages: where this disk is. */
  readonly directory: string;
  /** @throws DirectoryInUseError, DamagedLogError */
  open(): Promise<OpenDisk>;
}

export interface OpenDisk {
  readonly backend: Backend;
  readonly guard: GuardDevice;
  readonly staging: StagingFile;
  /** Begins to keep space for what must be written even on a full disk; the caller closes it. */
  openReserve(onError: (error: unknown) => void): Promise<SpaceReserve>;
  /** What the engine itself says it dropped while it opened; null when nothing. */
  readonly reportedLoss: string | null;
  /** Writes down that this disk has lost data: every later `open` throws DamagedLogError. */
  condemn(finding: string): Promise<void>;
  /** Why the state on it is not trusted, as `isolate` wrote it down in some life; null while it is. */
  readonly isolation: string | null;
  isolate(finding: string): Promise<void>;
  close(): Promise<void>;
}

export interface SpaceReserve {
  /** Of the file system at the last look; null before the first. */
  readonly availableBytes: number | null;
  /** The reserve was let go: growth is refused until there is space again. */
  readonly nearlyFull: boolean;
  close(): Promise<void>;
}

export type BackendOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

/** The part of abstract-level that the record layer uses: a batch is atomic, and durable with `sync`. */
export interface Backend {
  batch(
    operations: readonly BackendOperation[],
    options: { readonly sync: boolean },
  ): Promise<void>;
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  iterator(options: IteratorOptions): BackendIterator;
  /** Freezes what iterators see; must be closed. */
  snapshot(): BackendSnapshot;
}

export type IteratorOptions = KeyRange & {
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly keysOnly?: boolean;
  readonly snapshot?: BackendSnapshot;
};

export interface BackendIterator {
  /** Up to `size` records in key order; empty at the end. */
  nextv(size: number): Promise<readonly (readonly [Uint8Array, Uint8Array])[]>;
  close(): Promise<void>;
}

export interface BackendSnapshot {
  close(): Promise<void>;
}

/** Two slots of a few hundred bytes; a write is durable when it resolves, and may tear when it does not. */
export interface GuardDevice {
  read(slot: 0 | 1): Promise<Uint8Array | null>;
  write(slot: 0 | 1, bytes: Uint8Array): Promise<void>;
}

/** The one file into which a snapshot is received. */
export interface StagingFile {
  sizeBytes(): Promise<number>;
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Durable when it resolves. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
}
