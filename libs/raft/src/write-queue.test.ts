import { describe, expect, it } from 'vitest';
import { WriteQueue } from './write-queue.ts';

describe('the writes under way', () => {
  it('make the log durable in the order they were begun, several at once when asked', () => {
    const writes = new WriteQueue();
    expect([writes.begin(3), writes.begin(5), writes.begin(9)]).toEqual([1, 2, 3]);
    expect(writes.acknowledge(2)).toBe(5);
    expect(writes.acknowledge(1)).toBe(0);
    expect(writes.acknowledge(3)).toBe(9);
  });

  it('vouch for nothing that was replaced meanwhile (ABA)', () => {
    const writes = new WriteQueue();
    const first = writes.begin(5);
    writes.truncateFrom(4);
    const second = writes.begin(5);
    writes.truncateFrom(4);
    const third = writes.begin(5);
    expect(writes.acknowledge(first)).toBe(3);
    expect(writes.acknowledge(second)).toBe(3);
    expect(writes.acknowledge(third)).toBe(5);
  });
});
