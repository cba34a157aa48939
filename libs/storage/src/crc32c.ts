/** CRC-32C (Castagnoli), which LevelDB's files carry; node:zlib has only the other polynomial. */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** Slicing by eight: table n holds the CRC of a byte followed by n zero bytes. */
const TABLES = makeTables();

export function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as readonly Uint32Array[] as Eight;
  let crc = 0xffffffff;
  let at = 0;
  const whole = bytes.length - (bytes.length % SLICES);
  for (; at < whole; at += SLICES) {
    const low =
      crc ^
      (byte(bytes, at) |
        (byte(bytes, at + 1) << 8) |
        (byte(bytes, at + 2) << 16) |
        (byte(bytes, at + 3) << 24));
    crc =
      look(t7, low & 0xff) ^
      look(t6, (low >>> 8) & 0xff) ^
      look(t5, (low >>> 16) & 0xff) ^
      look(t4, low >>> 24) ^
      look(t3, byte(bytes, at + 4)) ^
      look(t2, byte(bytes, at + 5)) ^
      look(t1, byte(bytes, at + 6)) ^
      look(t0, byte(bytes, at + 7));
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ look(t0, (crc ^ byte(bytes, at)) & 0xff);
  return (crc ^ 0xffffffff) >>> 0;
}

type Table = Uint32Array;
type Eight = readonly [Table, Table, Table, Table, Table, Table, Table, Table];

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function look(table: Table, index: number): number {
  return table[index] as number;
}

function makeTables(): readonly Uint32Array[] {
  const first = new Uint32Array(256).map((_, value) => {
    let crc = value;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
  const tables = [first];
  while (tables.length < SLICES) {
    const last = tables[tables.length - 1] as Uint32Array;
    tables.push(last.map((crc) => (crc >>> 8) ^ look(first, crc & 0xff)));
  }
  return tables;
}
