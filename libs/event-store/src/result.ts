import type { CommandResult, RejectionCode } from './command.ts';
import type { StorePorts } from './ports.ts';

const CODES: readonly RejectionCode[] = [
  'STALE_VERSION',
  'NOT_ADMITTED',
  'STALE_REVISION',
  'SESSION_UNKNOWN',
  'SEQUENCE_FORGOTTEN',
  'MALFORMED_COMMAND',
];

/** The stored and sent form of a result. */
export function packResult(ports: StorePorts, result: CommandResult): Uint8Array {
  switch (result.type) {
    case 'appended':
      return ports.encode(['appended', result.version, result.sequence]);
    case 'opened':
      return ports.encode(['opened', result.session]);
    case 'written':
      return ports.encode(['written', result.revision]);
    case 'rejected':
      return ports.encode(['rejected', result.code, result.message, result.current]);
  }
}

export function unpackResult(ports: StorePorts, bytes: Uint8Array): CommandResult {
  const [type, first, second, third] = ports.decode(bytes) as unknown[];
  if (type === 'appended') {
    return { type, version: Number(first), sequence: Number(second) };
  }
  if (type === 'opened') return { type, session: Number(first) };
  if (type === 'written') return { type, revision: Number(first) };
  const code = CODES.find((known) => known === first) ?? 'MALFORMED_COMMAND';
  const current = typeof third === 'number' ? third : null;
  return { type: 'rejected', code, message: String(second), current };
}
