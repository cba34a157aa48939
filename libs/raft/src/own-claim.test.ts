import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import {
  createRaft,
  type InitialState,
  type LogEntry,
  type MemberId,
  type Message,
  type RaftConfig,
  type RaftMachine,
} from './index.ts';
import { FIRST_OF_THREE, FRESH, THREE_MEMBERS } from './three-members.fixture.ts';

const ENTRIES: readonly LogEntry[] = [1, 2].map((index) => ({ kind: 'empty', index, term: 1 }));
/** In term 1 with two entries of it. */
const STORED: InitialState = {
  ...FRESH,
  ...{ hardState: { term: 1, vote: 3 }, tail: ENTRIES, lastIndex: 2 },
  termRuns: [{ firstIndex: 1, term: 1 }],
};

function member(initial = STORED, config: Partial<RaftConfig> = {}): RaftMachine {
  const raft = createRaft({ ...FIRST_OF_THREE, ...config }, initial, seededPrng(1));
  raft.takeOutput();
  return raft;
}

function sent(raft: RaftMachine): readonly Message[] {
  const output = raft.takeOutput();
  return [...(output?.sendNow ?? []), ...(output?.afterPersist ?? [])];
}

function asked(messages: readonly Message[]): number {
  return messages.filter(({ type }) => type === 'preVoteRequest').length;
}

/** How many pre-votes the next ticks ask for; two with each campaign of one among three. */
function asksWithin(raft: RaftMachine, ticks: number): number {
  let asks = 0;
  for (let tick = 0; tick < ticks; tick += 1) {
    raft.tick();
    asks += asked(sent(raft));
  }
  return asks;
}

/** Member 2 asks with a log that ends at `lastIndex`, and is refused or not. */
function isAskedBy2(raft: RaftMachine, lastIndex: number, term = 2): boolean {
  raft.step({ type: 'preVoteRequest', from: 2, to: 1, term, lastIndex, lastTerm: 1 });
  const answers = sent(raft);
  expect(asked(answers)).toBe(0);
  return answers.some((answer) => answer.type === 'preVoteResponse' && answer.granted);
}

function campaignByItself(raft: RaftMachine): void {
  while (asked(sent(raft)) === 0) raft.tick();
}

describe('who refuses a pre-vote for its own log', () => {
  it('asks with its next tick, and once', () => {
    const raft = member();
    expect(isAskedBy2(raft, 1)).toBe(false);
    expect(raft.idleTicks).toBe(0);
    expect(asksWithin(raft, 1)).toBe(2);
    expect(asksWithin(raft, FIRST_OF_THREE.electionTicks - 1)).toBe(0);
  });

  it('asks again when it had asked too early', () => {
    const raft = member();
    campaignByItself(raft);
    raft.step({ type: 'preVoteResponse', from: 2, to: 1, term: 1, granted: false });
    expect(isAskedBy2(raft, 1)).toBe(false);
    expect(asksWithin(raft, 1)).toBe(2);
  });

  it('asks again when it goes first among equals and was not heard', () => {
    const raft = member();
    campaignByItself(raft);
    expect(isAskedBy2(raft, 2)).toBe(false);
    expect(isAskedBy2(raft, 2)).toBe(false);
    expect(asksWithin(raft, 1)).toBe(2);
  });

  it('asks once a tick, however often it was asked', () => {
    const raft = member();
    for (let times = 0; times < 10; times += 1) isAskedBy2(raft, 1);
    expect(asksWithin(raft, 1)).toBe(2);
    expect(asksWithin(raft, FIRST_OF_THREE.electionTicks - 1)).toBe(0);
  });

  it('waits for its time when another won meanwhile', () => {
    const raft = member();
    isAskedBy2(raft, 1);
    const request = { from: 3, to: 1, term: 2, lastIndex: 2, lastTerm: 1, transfer: false };
    raft.step({ type: 'voteRequest', ...request });
    expect(sent(raft)).toContainEqual(expect.objectContaining({ type: 'voteResponse' }));
    expect(asksWithin(raft, FIRST_OF_THREE.electionTicks - 1)).toBe(0);
  });
});

describe('a refusal for another reason brings nobody to ask', () => {
  function heard(raft: RaftMachine): RaftMachine {
    raft.step({ type: 'heartbeat', from: 3, to: 1, term: 1, commitIndex: 0, round: 0 });
    return raft;
  }
  function disturbed(raft: RaftMachine, disturb: (raft: RaftMachine) => void): RaftMachine {
    disturb(raft);
    raft.takeOutput();
    return raft;
  }
  const learner = (self: MemberId): InitialState => {
    const voters = THREE_MEMBERS.voters.filter((id) => id !== self);
    return { ...STORED, membership: { ...THREE_MEMBERS, voters, learners: [self] } };
  };

  it.each([
    { what: 'it hears a leader', raft: () => heard(member()) },
    { what: 'it is a learner', raft: () => member(learner(1)) },
    {
      what: 'its disk is stuck',
      raft: () => disturbed(member(), (of) => of.onWriteStall(900, 200)),
    },
    { what: 'its state is odd', raft: () => disturbed(member(), (of) => of.neverLead()) },
  ])('$what', ({ raft: start }) => {
    const raft = start();
    expect(isAskedBy2(raft, 1)).toBe(false);
    expect(asksWithin(raft, FIRST_OF_THREE.electionTicks - 1)).toBe(0);
  });

  it('the one that asks is in an older term', () => {
    const raft = member();
    expect(isAskedBy2(raft, 1, 1)).toBe(false);
    expect(asksWithin(raft, FIRST_OF_THREE.electionTicks - 1)).toBe(0);
  });

  it('it asks for votes already', () => {
    const raft = member();
    campaignByItself(raft);
    raft.step({ type: 'preVoteResponse', from: 3, to: 1, term: 2, granted: true });
    expect(raft.status().role).toBe('candidate');
    raft.takeOutput();
    expect(isAskedBy2(raft, 1, 3)).toBe(false);
    expect(asksWithin(raft, 1)).toBe(0);
    expect(raft.status().role).toBe('candidate');
  });
});
