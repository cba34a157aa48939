import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Log } from '../log.ts';
import { RefusalLog } from './refusal-log.ts';

describe('what is said of refused connections', () => {
  let lines: string[];
  let refusals: RefusalLog;

  beforeEach(() => {
    vi.useFakeTimers();
    lines = [];
    const warn: Log['warn'] = (message, fields) => {
      const { count, remoteAddress, why } = fields ?? {};
      lines.push(
        [message, count, remoteAddress, why].filter((part) => part !== undefined).join(' '),
      );
    };
    refusals = new RefusalLog({ info: () => undefined, warn, error: () => undefined });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells the first of each reason at once, the rest as a number', () => {
    tell('10.0.0.1:1', 'expired');
    tell('10.0.0.2:2', 'expired');
    tell('10.0.0.3:3', 'expired');
    tell('10.0.0.4:4', 'no turn came');
    expect(lines).toEqual([
      'connection refused 10.0.0.1:1 expired',
      'connection refused 10.0.0.4:4 no turn came',
    ]);
    vi.advanceTimersByTime(10_000);
    expect(lines.slice(2)).toEqual(['more connections refused 2 10.0.0.3:3 expired']);
  });

  it('tells a reason at once again when it had been away', () => {
    tell('10.0.0.1:1', 'expired');
    vi.advanceTimersByTime(20_000);
    tell('10.0.0.1:2', 'expired');
    expect(lines).toEqual([
      'connection refused 10.0.0.1:1 expired',
      'connection refused 10.0.0.1:2 expired',
    ]);
  });

  it('is not flooded by reasons that differ each time', () => {
    for (let at = 0; at < 1_000; at += 1) tell(`10.0.0.1:${at}`, `the name is 'n${at}'`);
    expect(lines).toHaveLength(51);
    vi.advanceTimersByTime(10_000);
    expect(lines.slice(51)).toEqual(['more connections refused 949 10.0.0.1:999 other reasons']);
  });

  function tell(remoteAddress: string, why: string): void {
    refusals.tell({ remoteAddress, cause: new Error(why) });
  }
});
