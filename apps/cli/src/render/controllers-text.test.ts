import pc from 'picocolors';
import { expect, it } from 'vitest';
import type { ControllerSeat, ControllersAnswer } from '#libs/api';
import { controllersText } from './controllers-text.ts';

const seat: ControllerSeat = {
  id: 1,
  name: 'c1',
  address: '10.0.0.1:7400',
  role: 'follower',
  standing: 'voter',
  matchIndex: 130,
  appliedIndex: null,
  lagEntries: 1,
  reachable: true,
  disk: 'keeps up',
  writeStallMs: 0,
  remarks: [],
};

it('shows who holds the log, whose disk is stuck, and what is still to be done', () => {
  const answer: ControllersAnswer = {
    ...{ controller: 'c1', leader: 'c1', term: 4, commitIndex: 130, toleratedFailures: 1 },
    remark: '2 voters tolerate no more failures than 1: add or remove one',
    controllers: [
      { ...seat, id: 1, name: 'c1', address: '10.0.0.1:7400', role: 'leader', appliedIndex: 130 },
      { ...seat, id: 2, name: 'c2', address: '10.0.0.2:7400', disk: 'stalled', writeStallMs: 900 },
      {
        ...seat,
        id: 131,
        name: 'c4',
        address: '10.0.0.4:7400',
        standing: 'learner',
        reachable: false,
        remarks: ['57 MB are left on the disk of c4: free space'],
      },
    ],
  };
  const lines = controllersText(answer, { columns: 100, colors: pc.createColors(false) }).split(
    '\n',
  );
  expect(lines[0]).toBe('Controllers  leader c1, term 4, committed 130, tolerates 1 failure');
  expect(lines.slice(2)).toEqual([
    expect.stringMatching(/ 1 +c1 +leader +voter +130 +130 +1 +keeps up +10\.0\.0\.1:7400$/),
    expect.stringMatching(/ 2 +c2 +follower +voter +130 +- +1 +stalled 900 ms +10\.0\.0\.2:7400$/),
    expect.stringMatching(/131 +c4 +unreachable +learner +130 +- +1 +keeps up +10\.0\.0\.4:7400$/),
    '  57 MB are left on the disk of c4: free space',
    '  2 voters tolerate no more failures than 1: add or remove one',
  ]);
});

it.each([
  [1, 3, '1 voter does not answer: tolerates no further failure'],
  [2, 3, '2 voters do not answer: no majority'],
  [1, 5, '1 voter does not answer: tolerates 1 more failure'],
])('with %s of %s voters down, says how many more may fail', (down, voters, text) => {
  const controllers = Array.from({ length: voters }, (_, at) => ({
    ...seat,
    ...{ id: at + 1, name: `c${at + 1}`, reachable: at >= down },
  }));
  const answer: ControllersAnswer = {
    ...{ controller: 'c5', leader: null, term: 4, commitIndex: 130, remark: null, controllers },
    toleratedFailures: (voters - 1) / 2,
  };
  const [head] = controllersText(answer, { columns: 100, colors: pc.createColors(false) }).split(
    '\n',
  );
  expect(head).toBe(`Controllers  no leader, term 4, committed 130, ${text}`);
});
