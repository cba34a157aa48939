/**
 * Clients may write registers and nothing else: events and credentials are the controllers' own. The
 * check is on the first bytes of the msgpack array, and only these two spellings pass.
 */
const ALLOWED: readonly (readonly number[])[] = [
  [0xa3, 0x70, 0x75, 0x74], // "put"
  [0xa6, 0x64, 0x65, 0x6c, 0x65, 0x74, 0x65], // "delete"
];

export function isRegisterCommand(body: Uint8Array): boolean {
  const array = ((body[0] ?? 0) & 0xf0) === 0x90;
  return array && ALLOWED.some((name) => name.every((byte, at) => body[at + 1] === byte));
}
