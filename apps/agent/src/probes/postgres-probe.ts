import { connect } from 'node:net';
import type { Endpoint } from '#libs/cluster';

const PROTOCOL_3_0 = 196_608;
const LENGTH_BYTES = 4;

/**
 * Codes by which a server refuses everybody, before it asks who they are: it cannot read or write its own
 * files (given to another user, a disk that fails). PostgreSQL manual, appendix "Error Codes", class 58.
 */
const SERVES_NOBODY = /\0C(42501|58030|58P01|58P02|XX001|XX002)\0/;

/** Whether an answer may be one of a server that serves; for `probePostgres`. */
export function isNoBreakdown(answer: Buffer): boolean {
  const text = answer.toString('latin1');
  return !text.startsWith('E') || !SERVES_NOBODY.test(text);
}

/**
 * Whether a PostgreSQL behind this address answers a start-up packet. A stopped or hung postmaster still
 * has its connections accepted by the kernel, but forks nobody who would answer. Any answer counts, a
 * refusal too, unless `counts` says otherwise: the question is whether it is there, not whether it is well.
 *
 * The connection ends before anything is asked of us: no password is needed, and the server takes an
 * end at that point without a line in its log.
 */
export function probePostgres(
  address: Endpoint | { readonly path: string },
  user: string,
  limitMs: number,
  counts: (answer: Buffer) => boolean = () => true,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...address });
    const settle = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(() => settle(false), limitMs);
    socket.once('connect', () => socket.write(startupPacket(user)));
    socket.once('data', (answer) => settle(counts(answer)));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}

/** PostgreSQL manual, "Message Formats": StartupMessage. */
function startupPacket(user: string): Buffer {
  const parameters = ['user', user, 'database', 'postgres', 'application_name', 'matriarch probe'];
  const body = Buffer.from(`${parameters.join('\0')}\0\0`);
  const head = Buffer.alloc(2 * LENGTH_BYTES);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(PROTOCOL_3_0, LENGTH_BYTES);
  return Buffer.concat([head, body]);
}
