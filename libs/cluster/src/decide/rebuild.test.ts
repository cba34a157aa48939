import { describe, expect, it } from 'vitest';
import { epochMs, instanceName } from '#libs/kernel';
import type { RebuildEvent } from '../rebuild/rebuild-events.ts';
import { evolveRebuilds, isExhausted, type Rebuilds } from '../rebuild/rebuild-record.ts';

const pg2 = instanceName('pg2');
const started: RebuildEvent = {
  type: 'RebuildStarted',
  instance: pg2,
  trigger: 'operator',
  reason: 'an operator ordered it',
  methods: ['pgbackrest', 'basebackup'],
  from: null,
  force: false,
};

function folded(...events: readonly RebuildEvent[]): Rebuilds {
  return events.reduce<Rebuilds>(
    (rebuilds, event, index) =>
      evolveRebuilds(rebuilds, event, { sequence: 10 + index, at: epochMs(index) }),
    {},
  );
}

function failed(method: 'pgbackrest' | 'basebackup', reason: string): RebuildEvent {
  return { type: 'RebuildMethodFailed', instance: pg2, method, reason, remaining: 0 };
}

describe('what is remembered of a rebuild', () => {
  it('is the order until it is complete', () => {
    expect(folded(started)['pg2']).toMatchObject({ order: 10, failures: [], cancelled: false });
    const done: RebuildEvent = {
      type: 'RebuildCompleted',
      instance: pg2,
      method: 'basebackup',
      tookMs: 1,
      copiedBytes: 1n,
    };
    expect(folded(started, done)).toEqual({});
  });

  it('is each reason, until every method has one', () => {
    const half = folded(started, failed('pgbackrest', 'no backup'))['pg2'];
    expect(half !== undefined && isExhausted(half)).toBe(false);
    const all = folded(
      started,
      failed('pgbackrest', 'no backup'),
      failed('basebackup', 'no answer'),
      failed('pgbackrest', 'still none'),
    )['pg2'];
    expect(all !== undefined && isExhausted(all)).toBe(true);
    expect(all?.failures.map(({ reason }) => reason)).toEqual(['no answer', 'still none']);
  });

  it('keeps a cancelled one from beginning by itself, and a new order ends that', () => {
    const cancelled: RebuildEvent = { type: 'RebuildCancelled', instance: pg2 };
    expect(folded(started, cancelled)['pg2']?.cancelled).toBe(true);
    expect(folded(started, cancelled, started)['pg2']).toMatchObject({
      order: 12,
      cancelled: false,
    });
  });
});
