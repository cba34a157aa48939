import { connect } from 'node:net';
import type { Endpoint } from '#libs/cluster';

const PROTOCOL_3_0 = 196_608;
const LENGTH_BYTES = 4;

/**
 * Whether a PostgreSQL behind this address answers a start-up packet. A stopped or hung postmaster still
 * has its connections accepted by the kernel, but forks nobody who would answer. Any answer counts, a
 * refusal too: the question is whether it is there, not whether it is well.
 *
 * The connection ends before anything is asked of us: no password is needed, and the server takes an
 * end at that point without a line in its log.
 */
export function probePostgres(
  address: Endpoint | { readonly path: string },
  user: string,
  limitMs: number,
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
    socket.once('data', () => settle(true));
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
