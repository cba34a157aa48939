import { describe, expect, it } from 'vitest';
import type { AppendResponse, Message, RaftStatus } from '#libs/raft';
import { Acknowledgements } from './acknowledgements.ts';

const TERM = 7;
const HEARTBEAT: Message = {
  type: 'heartbeatResponse',
  ...{ from: 2, to: 1, term: TERM, round: 0, writeStallMs: 0 },
};

function response(outcome: AppendResponse['outcome'], index: number, term = TERM): Message {
  return {
    type: 'appendResponse',
    from: 2,
    to: 1,
    term,
    outcome,
    index,
    hintIndex: 0,
    hintTerm: 0,
  };
}

/** Member 1 leads; `matchIndex` is what its machine knows of member 2. */
function leader() {
  const now = { role: 'leader', term: TERM, matchIndex: 0 };
  const status = () =>
    ({ ...now, peers: [{ id: 2, matchIndex: now.matchIndex }] }) as unknown as RaftStatus;
  return { now, watch: new Acknowledgements(status) };
}

describe('a promise that was broken', () => {
  it('is one of an earlier process: what it acknowledged, the next one lacks', () => {
    const { now, watch } = leader();
    expect(watch.brokenBy(HEARTBEAT, 'a.1')).toBeNull();
    now.matchIndex = 40;
    expect(watch.brokenBy(HEARTBEAT, 'a.2')).toBeNull();
    expect(watch.brokenBy(response('rejected', 40), 'a.2')).toBe(40);
  });

  it('is seen in the first thing that the next process says, too', () => {
    const { now, watch } = leader();
    watch.brokenBy(HEARTBEAT, 'a.1');
    now.matchIndex = 40;
    watch.brokenBy(response('rejected', 55), 'a.2');
    expect(watch.brokenBy(response('rejected', 40), 'a.2')).toBe(40);
  });

  it.each([
    { what: 'a process refuses what is beyond', index: 41, by: 'a.2' },
    { what: 'an answer of the earlier process comes late', index: 40, by: 'a.1' },
  ])('is none when $what', ({ index, by }) => {
    const { now, watch } = leader();
    watch.brokenBy(HEARTBEAT, 'a.1');
    now.matchIndex = 40;
    watch.brokenBy(HEARTBEAT, 'a.2');
    expect(watch.brokenBy(response('rejected', index), by)).toBeNull();
  });

  it('is none of the process that refused first and acknowledged later: answers overtake each other', () => {
    const { now, watch } = leader();
    watch.brokenBy(HEARTBEAT, 'a.1');
    now.matchIndex = 40;
    expect(watch.brokenBy(response('rejected', 40), 'a.1')).toBeNull();
  });

  it('ends with the leadership to which it was given', () => {
    const { now, watch } = leader();
    watch.brokenBy(HEARTBEAT, 'a.1');
    now.matchIndex = 40;
    watch.brokenBy(HEARTBEAT, 'a.2');
    now.role = 'follower';
    expect(watch.brokenBy(response('rejected', 40), 'a.2')).toBeNull();
    Object.assign(now, { role: 'leader', term: TERM + 1, matchIndex: 0 });
    expect(watch.brokenBy(response('rejected', 40, TERM + 1), 'a.2')).toBeNull();
    expect(watch.brokenBy(response('rejected', 40, TERM + 1), 'a.2')).toBeNull();
  });
});
