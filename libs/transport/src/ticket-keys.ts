import { hkdfSync } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

/** RFC 5077 as Node has it: 16 bytes of name, 16 of HMAC key, 16 of AES key. */
const TICKET_KEYS_BYTES = 48;

/**
 * Keys for the tickets of TLS sessions, the same after a restart: otherwise thousands of guards would come back to a
 * controller with a whole handshake each, twice the work of a resumed one. Another authority,
 * certificate or key makes others, so that no session outlives what it was granted for. Traffic keys do
 * not come from a ticket alone (psk_dhe_ke, RFC 8446 2.2).
 */
export function ticketKeysOf({ ca, cert, key }: SecureContextOptions): Buffer {
  const salt = Buffer.concat([ca, cert].map((pem) => Buffer.from(String(pem))));
  const keys = hkdfSync(
    'sha256',
    String(key),
    salt,
    'matriarch session tickets',
    TICKET_KEYS_BYTES,
  );
  return Buffer.from(keys);
}
