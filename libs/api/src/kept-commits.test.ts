import { expect, it } from 'vitest';
import type { ClusterEvent, RecordedEvent } from '#libs/cluster';
import { keptAcknowledged } from './kept-commits.ts';

const granted = (mode: 'synchronous' | 'asynchronous', holder = 'pg1') => ({
  ...{ type: 'LeaseGranted', holder },
  ...(mode === 'synchronous' ? { synchronous: { method: 'any', names: ['pg3'], count: 1 } } : {}),
});
const relied = { type: 'SyncSetCommitted', set: { members: [], count: 1 } };
const nobody = { type: 'SyncSetCommitted', set: null };
const begun = (acceptLoss: boolean) => ({ type: 'FailoverStarted', acceptLoss });
const taken = granted('synchronous', 'pg2');
const done = { type: 'FailoverCompleted' };
const synchronous = [granted('synchronous'), relied];

it.each([
  { what: 'synchronous', before: synchronous, events: [begun(false), taken, done], kept: true },
  {
    what: 'asynchronous, and synchronous from the next epoch on',
    before: [granted('asynchronous'), { type: 'ConfigurationChanged' }],
    events: [begun(false), taken, done],
    kept: false,
  },
  {
    what: 'synchronous until it was switched off',
    before: [...synchronous, nobody],
    events: [begun(false), granted('asynchronous', 'pg2'), done],
    kept: false,
  },
  {
    what: 'a new primary on which nobody is relied on yet',
    before: [...synchronous, granted('synchronous', 'pg2')],
    events: [begun(false), granted('synchronous'), done],
    kept: false,
  },
  {
    what: 'one that was restarted in place',
    before: [...synchronous, granted('synchronous')],
    events: [begun(false), taken, done],
    kept: true,
  },
  {
    what: 'what was relied on lies too far back',
    before: [],
    events: [begun(false), taken, done],
    kept: false,
  },
  {
    what: 'loss accepted',
    before: synchronous,
    events: [begun(true), taken, done],
    kept: false,
  },
  {
    what: 'loss accepted after the first candidate failed',
    before: synchronous,
    events: [begun(false), taken, begun(true), taken, done],
    kept: false,
  },
  {
    what: 'its end is not among them',
    before: synchronous,
    events: [begun(false), taken],
    kept: false,
  },
  {
    what: 'what comes after it is another outage',
    before: synchronous,
    events: [begun(false), taken, done, begun(true)],
    kept: true,
  },
])('$what: kept $kept', ({ before, events, kept }) => {
  const recorded = [...before, ...events].map(
    (event, at) => ({ event: event as ClusterEvent, sequence: at + 1 }) as RecordedEvent,
  );
  expect(keptAcknowledged(recorded, before.length + 1)).toBe(kept);
});
