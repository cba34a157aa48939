import { connect } from 'node:tls';
import { messageOf } from '#libs/kernel';
import type { Member } from '#libs/raft';
import { endpointOf } from './endpoint.ts';

/** A host that is up answers far sooner; one that is cut off never does. */
const ANSWER_LIMIT_MS = 3_000;

export type PeerFinding = {
  readonly member: Member;
  readonly answers: boolean;
  readonly why: string;
};

/** Whether something listens where a member did. A process that accepts and says nothing is one too. */
export function lookForPeer(member: Member): Promise<PeerFinding> {
  const { host, port } = endpointOf(member.address);
  return new Promise((resolve) => {
    // Only whether it answers is asked: nothing is sent, so nothing has to be trusted.
    const socket = connect({ host, port, rejectUnauthorized: false });
    let accepted = false;
    const settle = (answers: boolean, why: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ member, answers, why });
    };
    const timer = setTimeout(
      () => settle(accepted, accepted ? 'it accepts connections' : 'no answer'),
      ANSWER_LIMIT_MS,
    );
    socket.once('connect', () => {
      accepted = true;
    });
    socket.once('secureConnect', () => settle(true, 'it speaks TLS'));
    socket.on('error', (error) => settle(accepted, messageOf(error)));
  });
}
