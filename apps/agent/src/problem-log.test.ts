import { expect, it } from 'vitest';
import { ProblemLog } from './problem-log.ts';

it('a problem is told when it comes, when it is another, once a minute, and when it is over', () => {
  const lines: [string, object | undefined][] = [];
  let now = 0;
  const note = (message: string, fields?: object): void => void lines.push([message, fields]);
  const problems = new ProblemLog({ info: note, warn: note }, () => now);
  const after = (ms: number, problem: string | null): void => {
    now += ms;
    problems.look(problem);
  };
  const refused = 'PostgreSQL does not start with revision 2';
  after(0, null);
  // Gone before it is one.
  after(10, 'no controller can be reached');
  after(5_001, null);
  after(10, refused);
  expect(lines).toEqual([]);
  // Between two tries there is none for a moment.
  for (let at = 0; at < 9; at += 1) after(1_000, at % 2 === 0 ? null : refused);
  expect(lines).toEqual([['problem', { why: refused }]]);
  after(10, 'the disk is full');
  expect(lines.slice(1)).toEqual([['problem', { why: 'the disk is full' }]]);
  after(60_000, refused);
  expect(lines.slice(2)).toEqual([['problem', { why: refused }]]);
  after(5_001, null);
  expect(lines.slice(3)).toEqual([['no problem any more', { lastedMs: 69_010 }]]);
  after(60_000, null);
  expect(lines).toHaveLength(4);
});
