const POLYNOMIAL_REVERSED = 0x82f63b78;

/** Castagnoli's checksum as PostgreSQL computes it; bit by bit, for a few hundred bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL_REVERSED;
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}
