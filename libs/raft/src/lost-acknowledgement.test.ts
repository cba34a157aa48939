import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { type AppendResponse, createRaft, type Message, type RaftMachine } from './index.ts';
import { FIRST_OF_THREE, FRESH } from './three-members.fixture.ts';

/** Writes and applies at once; what it sends. */
function carryOut(raft: RaftMachine): readonly Message[] {
  const sent: Message[] = [];
  for (let output = raft.takeOutput(); output !== null; output = raft.takeOutput()) {
    sent.push(...output.sendNow, ...output.afterPersist);
    if (output.persist !== null) raft.onPersisted(output.persist.seq);
    const last = output.apply.at(-1);
    if (last !== undefined) raft.onApplied(last.index);
  }
  return sent;
}

/** Member 1 leads, and 2 acknowledged all of its log. */
function leaderOfTwo(): {
  readonly raft: RaftMachine;
  readonly term: number;
  readonly last: number;
} {
  const raft = createRaft(FIRST_OF_THREE, FRESH, seededPrng(1));
  while (!carryOut(raft).some(({ type }) => type === 'preVoteRequest')) raft.tick();
  raft.step({ type: 'preVoteResponse', from: 2, to: 1, term: 1, granted: true });
  carryOut(raft);
  raft.step({ type: 'voteResponse', from: 2, to: 1, term: 1, granted: true });
  carryOut(raft);
  raft.propose([1, 2, 3].map((byte) => new Uint8Array([byte])));
  carryOut(raft);
  const { lastIndex: last, term } = raft.status();
  raft.step({ ...answer(term, 'matched', last) });
  carryOut(raft);
  expect(raft.status().commitIndex).toBe(last);
  return { raft, term, last };
}

function answer(term: number, outcome: AppendResponse['outcome'], index: number): AppendResponse {
  const hint = {
    hintIndex: outcome === 'matched' ? index : 1,
    hintTerm: outcome === 'matched' ? 0 : 1,
  };
  return { type: 'appendResponse', from: 2, to: 1, term, outcome, index, ...hint };
}

function appendsTo(messages: readonly Message[], to: number): number {
  return messages.filter((message) => message.type === 'appendRequest' && message.to === to).length;
}

describe('a peer that refuses what it had acknowledged', () => {
  it('is asked again at a heartbeat, not at once: each refusal would be answered by another request', () => {
    const { raft, term, last } = leaderOfTwo();
    raft.onUnreachable(2);
    let probes = 0;
    for (let ticks = 0; ticks < 40; ticks += 1) {
      raft.tick();
      raft.step({ type: 'heartbeatResponse', from: 2, to: 1, term, round: 0, writeStallMs: 0 });
      // As many round trips as a loopback link makes within a tick.
      for (let trip = 0; trip < 50; trip += 1) {
        const asked = appendsTo(carryOut(raft), 2);
        if (asked === 0) break;
        probes += asked;
        raft.step(answer(term, 'rejected', last));
      }
    }
    expect(probes).toBeGreaterThan(0);
    expect(probes).toBeLessThanOrEqual(40 / (2 * FIRST_OF_THREE.heartbeatTicks));
    expect(raft.status().peers.find(({ id }) => id === 2)?.matchIndex).toBe(last);
  });

  it('is fed again once it holds it', () => {
    const { raft, term, last } = leaderOfTwo();
    raft.onUnreachable(2);
    raft.step(answer(term, 'rejected', last));
    raft.step(answer(term, 'matched', last));
    raft.propose([new Uint8Array([4])]);
    expect(appendsTo(carryOut(raft), 2)).toBe(1);
  });
});
