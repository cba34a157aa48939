import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { epoch, timelineId } from '#libs/kernel';
import { createLogger } from '#libs/observability';
import { promote } from './promote.step.ts';
import type { StepContext } from './step-context.ts';

const EPOCH = epoch(7);
const GRANTED = timelineId(2);
const HISTORY = '1\t0/5000000\tno recovery target specified\n';

let dataDirectory: string;

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'mtpromote-'));
  mkdirSync(join(dataDirectory, 'pg_wal'));
});

afterEach(() => rmSync(dataDirectory, { recursive: true, force: true }));

/** A standby that takes `timeline` when it is asked to, or, with null, stays in recovery; and what was asked of whom. */
function standby(timeline: number | null): { context: StepContext; asked: string[] } {
  const asked: string[] = [];
  const query = async (text: string) => {
    if (text.includes('pg_promote')) {
      asked.push('promotion');
      writeFileSync(join(dataDirectory, 'pg_wal', `0000000${timeline ?? 0}.history`), HISTORY);
    }
    return [{ in_recovery: timeline === null, timeline }];
  };
  const ask = async ({ type, mode }: { type: string; mode?: string }) => {
    asked.push(mode === undefined ? type : `${mode} ${type}`);
  };
  const role = { kind: 'standby', timeline: timelineId(1) };
  const context = {
    local: { dataDirectory },
    state: { settings: { promoteTimeoutMs: 50 } },
    guard: { ask, state: { epoch: EPOCH, remainingMs: 2_000 } },
    observer: { latest: { sql: { kind: 'reachable', role }, restores: false } },
    hooks: { prePromote: async () => null },
    sql: { query },
    facts: { detached: { throughEpoch: 6 }, settledEpoch: 6 },
    log: createLogger({ process: 'test', level: 'fatal' }),
    setActivity: () => undefined,
    runInBackground: () => undefined,
    reportNow: async () => undefined,
  };
  return { context: context as unknown as StepContext, asked };
}

it('the guard counts it as primary before the promotion is asked for (safety 8)', async () => {
  const { context, asked } = standby(GRANTED);
  await promote(context, EPOCH, GRANTED);
  expect(asked).toEqual(['promoting', 'promotion']);
  expect(context.facts.detached).toBeNull();
});

it('a directory that was promoted starts as a standby only, from the first moment on (safety 10)', async () => {
  const { context } = standby(GRANTED);
  await promote(context, EPOCH, GRANTED);
  expect(existsSync(join(dataDirectory, 'standby.signal'))).toBe(true);
});

it.each([
  // It stays pending within PostgreSQL, and would fire later (safety 8).
  ['that does not end in time', null],
  // Of a timeline that was given to nobody (safety 3).
  ['to another id', 3],
])('a promotion %s is withdrawn by a stop', async (_what, takes) => {
  const { context, asked } = standby(takes);
  await expect(promote(context, EPOCH, GRANTED)).rejects.toThrow('promotion to timeline 2 failed');
  expect(asked).toEqual(['promoting', 'promotion', 'immediate stop']);
  expect(context.facts.detached).not.toBeNull();
});
