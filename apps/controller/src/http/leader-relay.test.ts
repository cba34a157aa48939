import { describe, expect, it } from 'vitest';
import type { ControllerMessage } from '#libs/protocol';
import { LeaderRelay, problemOfUnanswered, RELAYED_MAX } from './leader-relay.ts';

const LEADER = 2;
const REQUEST = { method: 'POST', url: '/api/v1/x', operator: 'alice', body: new Uint8Array() };

/** A link to the leader, and what left over it. */
function linked(connected = true) {
  const sent: ControllerMessage[] = [];
  const tell = (_to: number, message: ControllerMessage): boolean => {
    if (connected) sent.push(message);
    return connected;
  };
  const relay = new LeaderRelay({ tell });
  const answer = (id: number): void =>
    relay.onMessage(
      { type: 'httpAnswer', id, status: 200, contentType: 'text/plain', body: Uint8Array.of(id) },
      LEADER,
    );
  return { relay, sent, answer };
}

describe('requests on their way to the leader', () => {
  it('are 1,000 at most: one more is refused by name and never sent; those that wait are all answered', async () => {
    const { relay, sent, answer } = linked();
    const waiting = Array.from({ length: RELAYED_MAX }, () => relay.ask(LEADER, REQUEST));
    expect([RELAYED_MAX, sent.length]).toEqual([1_000, 1_000]);
    expect(await relay.ask(LEADER, REQUEST)).toBe('full');
    expect(sent).toHaveLength(1_000);
    // One is answered: there is room for one.
    answer(1);
    await waiting[0];
    const another = relay.ask(LEADER, REQUEST);
    expect(await relay.ask(LEADER, REQUEST)).toBe('full');
    for (let id = 2; id <= RELAYED_MAX + 1; id += 1) answer(id);
    const answers = await Promise.all([...waiting, another]);
    const bodies = answers.map((each) => (typeof each === 'string' ? each : each.body));
    expect(bodies).toEqual(answers.map((_, at) => Uint8Array.of(at + 1)));
  });

  it('are not kept for a leader that is not connected', async () => {
    const { relay } = linked(false);
    for (let at = 0; at <= RELAYED_MAX; at += 1) {
      expect(await relay.ask(LEADER, REQUEST)).toBe('notSent');
    }
  });

  it('say whether the order may have been carried out', () => {
    const full = problemOfUnanswered('full', 'c2');
    expect(full.code).toBe('QUEUE_FULL');
    expect(full.detail).toMatch(
      /^1000 requests wait .* nothing was ordered: .* leader 'c2' itself/,
    );
    expect(problemOfUnanswered('notSent', 'c2').code).toBe('NO_LEADER');
    expect(problemOfUnanswered('silent', 'c2').code).toBe('OUTCOME_UNKNOWN');
  });
});
