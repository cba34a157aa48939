import type { LogEntry } from '#libs/raft';

/** 52 bits of a prefix's identity; chained, so equal hashes mean equal prefixes for our purpose. */
export function entryHash(previous: number, entry: LogEntry): number {
  let low = (previous ^ 0x9e3779b9) | 0;
  let high = Math.floor(previous / 0x1_0000_0000) ^ 0x51ed270b;
  const mix = (value: number): void => {
    low = Math.imul(low ^ value, 0x01000193);
    high = Math.imul(high ^ (value + (low >>> 5)), 0x85ebca6b);
  };
  mix(entry.index);
  mix(entry.term);
  mix(entry.kind.length);
  if (entry.kind === 'command') mix(serialOf(entry.payload));
  if (entry.kind === 'membership') {
    for (const id of entry.membership.voters) mix(id);
    for (const id of entry.membership.outgoing) mix(id + 100);
    for (const id of entry.membership.learners) mix(id + 200);
  }
  return (low >>> 0) + (high & 0xfffff) * 0x1_0000_0000;
}

/** The unique number of a client's command. */
export function serialOf(payload: Uint8Array): number {
  let serial = 0;
  for (let at = 0; at < 4; at += 1) serial = serial * 256 + (payload[at] ?? 0);
  return serial;
}

export function commandOf(serial: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(Math.max(4, bytes));
  for (let at = 3, rest = serial; at >= 0; at -= 1, rest = Math.floor(rest / 256)) {
    payload[at] = rest % 256;
  }
  return payload;
}
