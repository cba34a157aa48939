import { expect, it } from 'vitest';
import type { ClusterEvent, RecordedEvent } from '#libs/cluster';
import { keptAcknowledged } from './kept-commits.ts';

const begun = (acceptLoss: boolean) => ({ type: 'FailoverStarted', acceptLoss });
const granted = (mode: 'synchronous' | 'asynchronous') => ({
  type: 'LeaseGranted',
  ...(mode === 'synchronous' ? { synchronous: { method: 'any', names: ['pg3'], count: 1 } } : {}),
});
const done = { type: 'FailoverCompleted' };

it.each([
  { what: 'synchronous', events: [begun(false), granted('synchronous'), done], kept: true },
  { what: 'asynchronous', events: [begun(false), granted('asynchronous'), done], kept: false },
  { what: 'loss accepted', events: [begun(true), granted('synchronous'), done], kept: false },
  {
    what: 'loss accepted after the first candidate failed',
    events: [begun(false), granted('synchronous'), begun(true), granted('synchronous'), done],
    kept: false,
  },
  {
    what: 'its end is not among them',
    events: [begun(false), granted('synchronous')],
    kept: false,
  },
  {
    what: 'what comes after it is another outage',
    events: [begun(false), granted('synchronous'), done, begun(true)],
    kept: true,
  },
])('$what: kept $kept', ({ events, kept }) => {
  const recorded = events.map((event) => ({ event: event as ClusterEvent }) as RecordedEvent);
  expect(keptAcknowledged(recorded)).toBe(kept);
});
