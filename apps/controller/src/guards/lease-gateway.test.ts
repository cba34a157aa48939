import { expect, it } from 'vitest';
import { monotonicMs } from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import { encode, GuardFrame, packGuardRequest } from '#libs/protocol';
import type { PeerConnection } from '#libs/transport';
import { LeaseGateway, type LeaseGatewayOptions } from './lease-gateway.ts';

const LEADER = 2;
const REQUEST = encode(
  packGuardRequest({
    type: 'guardState',
    incarnation: 'a-start' as never,
    epoch: null,
    postmaster: 'down',
  }),
);

type Relayed = { readonly ticket: number; readonly guard: string };

/** A controller that follows, as one start of it: what it passed to its leader, and the answers its guards get. */
class FollowerStart {
  readonly relayed: Relayed[] = [];
  readonly answers: { readonly guard: string; readonly body: Uint8Array }[] = [];
  readonly gateway: LeaseGateway;

  constructor() {
    const nowMs = () => monotonicMs(0);
    const options = {
      host: { nowMs, role: { leader: LEADER }, store: { cluster: () => null } },
      network: { tell: (_to: number, message: Relayed) => this.relayed.push(message) },
      time: new CappedTime(100, nowMs()),
      service: () => null,
      leader: () => ({ name: 'c2', term: 1 }),
    };
    this.gateway = new LeaseGateway(options as unknown as LeaseGatewayOptions);
  }

  /** A guard connects, is told who leads, and asks. */
  asks(guard: string): Relayed {
    const send = (_type: number, body: Uint8Array) => this.answers.push({ guard, body });
    const connection = { peer: { name: guard }, send } as unknown as PeerConnection;
    this.gateway.accept(connection).onFrame(GuardFrame.request, REQUEST);
    this.answers.length = 0;
    const last = this.relayed.at(-1);
    if (last === undefined) throw new Error('nothing was passed on');
    return last;
  }
}

const ANSWER = Uint8Array.of(1, 2, 3);

it('hands the answer that came through the leader to the guard that asked', () => {
  const follower = new FollowerStart();
  const { ticket } = follower.asks('main/pg1');
  follower.asks('main/pg2');
  follower.gateway.onRelayedAnswer(ticket, ANSWER);
  expect(follower.answers).toEqual([{ guard: 'main/pg1', body: ANSWER }]);
});

it('hands an answer that outlived a restart to nobody: another guard may have come first (safety 20)', () => {
  const before = new FollowerStart();
  const late = ['main/pg1', 'main/pg2', 'main/pg3'].map((guard) => before.asks(guard));
  const after = new FollowerStart();
  for (const guard of ['main/pg3', 'other/pg1', 'main/pg1']) after.asks(guard);
  for (const { ticket } of late) after.gateway.onRelayedAnswer(ticket, ANSWER);
  expect(after.answers).toEqual([]);
});
