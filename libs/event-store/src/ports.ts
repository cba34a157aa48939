/** What the pure store needs from outside: a codec and a checksum, both deterministic. */
export type StorePorts = {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
  /** CRC-32 of `bytes`, continued from `seed`. */
  crc32(bytes: Uint8Array, seed: number): number;
};

/** A change of the stored state; keys sort as text. */
export type StateWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string }
  /** A record that changes often: its newest value is made once it is written, and not before. */
  | { readonly type: 'latest'; readonly key: string; readonly value: () => Uint8Array };
