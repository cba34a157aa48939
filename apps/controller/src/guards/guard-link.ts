import type { GuardLink } from '#libs/leader';
import { encode, type GuardAnswer, GuardFrame, packGuardAnswer } from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import type { PeerConnection } from '#libs/transport';
import type { PeerNetwork } from '../links/peer-network.ts';

export class DirectGuardLink implements GuardLink {
  readonly guard: string;

  constructor(readonly connection: PeerConnection) {
    this.guard = connection.peer.name;
  }

  answer(answer: GuardAnswer): void {
    this.pass(encode(packGuardAnswer(answer)));
  }

  /** An answer that was packed for several, or by the leader. */
  pass(packedAnswer: Uint8Array): void {
    this.connection.send(GuardFrame.answer, packedAnswer);
  }
}

export class RelayedGuardLink implements GuardLink {
  constructor(
    readonly network: PeerNetwork,
    readonly follower: MemberId,
    readonly ticket: number,
    readonly guard: string,
  ) {}

  answer(answer: GuardAnswer): void {
    const body = encode(packGuardAnswer(answer));
    this.network.tell(this.follower, { type: 'guardAnswer', ticket: this.ticket, body });
  }
}
