import { describe, expect, it } from 'vitest';
import { epoch, epochMs, guardIncarnation, parseLsn, timelineId } from '#libs/kernel';
import type { InstanceObservation, ReachableInstance } from '#libs/postgres-run';
import type { GuardState } from '../guard-client/guard-connection.ts';
import { conditionOf } from './condition.ts';
import { postgresConditionOf } from './report.ts';
import type { Snapshot } from './snapshot.ts';

const guard: GuardState = {
  type: 'state',
  incarnation: guardIncarnation('g'),
  pid: 10,
  postmaster: 'running',
  postmasterPid: 11,
  downForMs: 0,
  epoch: epoch(3),
  remainingMs: 2_000,
  controllersConnected: 3,
  lastStop: null,
};
const primary: ReachableInstance = {
  kind: 'reachable',
  systemIdentifier: '7',
  version: { major: 15, minor: 18 },
  postmasterStartedAt: epochMs(0),
  observedAt: epochMs(0),
  role: {
    kind: 'primary',
    timeline: timelineId(2),
    writeLsn: parseLsn('0/5000'),
    flushLsn: parseLsn('0/5000'),
  },
  replicas: [],
  slots: [],
  settings: {},
  pendingRestart: [],
  tookMs: 1,
};
const standby: ReachableInstance = {
  ...primary,
  role: {
    kind: 'standby',
    timeline: timelineId(2),
    receivedLsn: parseLsn('0/4000'),
    replayedLsn: parseLsn('0/4800'),
    replayPaused: false,
  },
};
const nothing: Snapshot = {
  begunMs: 0,
  guard,
  directory: {
    kind: 'initialised',
    systemIdentifier: '7',
    walEnd: null,
    timeline: timelineId(2),
    ancestors: [],
    cleanShutdown: true,
  },
  sql: primary,
  others: null,
  answeredBefore: true,
  startingForMs: 0,
  foreignPid: null,
  movedTo: null,
  standbySignal: true,
  upstream: null,
  standbyWalEnd: null,
  timelineIsSure: true,
  downForMs: 0,
  stall: null,
  recovery: { progress: null, stalledForMs: 0 },
  server: null,
  restores: false,
  walGone: null,
  configured: {},
  freeBytes: null,
};
const own = {
  detached: null,
  abandonedHandOver: null,
  settledEpoch: 3,
  synchronous: null,
  clientsKeptOut: false,
};
const down: GuardState = { ...guard, postmaster: 'down' };

it('one whose data directory was moved away says so, whatever it answers', () => {
  const snapshot = { ...nothing, sql: refused('failed'), movedTo: '/pg.moved' };
  expect(conditionOf(snapshot, own)).toMatchObject({
    kind: 'unresponsive',
    why: expect.stringContaining('its data directory was moved to /pg.moved while it runs'),
  });
});

function refused(
  reason: Extract<InstanceObservation, { kind: 'unreachable' }>['reason'],
): InstanceObservation {
  return { kind: 'unreachable', reason, detail: 'said so', tookMs: 1 };
}

describe('what was seen, for the next step and for the leader', () => {
  it.each([
    ['a primary', {}, 'primary', 'primary'],
    ['a standby', { sql: standby }, 'standby', 'standby'],
    ['not asked yet', { sql: null }, 'starting', 'starting'],
    ['in crash recovery', { sql: refused('starting-up') }, 'starting', 'starting'],
    [
      'refused before it ever answered',
      { sql: refused('refused'), answeredBefore: false },
      'starting',
      'starting',
    ],
    [
      'refused although it answered before',
      { sql: refused('refused') },
      'unresponsive',
      'unresponsive',
    ],
    [
      'lets its agent in no more, before it ever answered',
      { sql: refused('auth-failed'), answeredBefore: false },
      'unresponsive',
      'unresponsive',
    ],
    ['no answer in time', { sql: refused('timeout') }, 'unresponsive', 'unresponsive'],
    ['says that it ends', { sql: refused('shutting-down') }, 'stopping', 'stopping'],
    ['the guard stops it', { guard: { ...guard, postmaster: 'stopping' } }, 'stopping', 'stopping'],
    ['down', { guard: down, sql: null }, 'stopped', 'stopped'],
    ['down, nothing there', { guard: down, directory: { kind: 'empty' } }, 'empty', 'stopped'],
    ['down, and somebody else started one', { guard: down, foreignPid: 42 }, 'foreign', 'foreign'],
  ] as const)('%s', (_name, changes, condition, told) => {
    const snapshot: Snapshot = { ...nothing, ...changes };
    expect(conditionOf(snapshot, own)?.kind).toBe(condition);
    expect(postgresConditionOf(snapshot)?.kind).toBe(told);
  });

  it('says nothing without a guard or before the first look at the files', () => {
    expect(conditionOf({ ...nothing, guard: null }, own)).toBeNull();
    expect(conditionOf({ ...nothing, directory: null }, own)).toBeNull();
    expect(postgresConditionOf({ ...nothing, guard: null })).toBeNull();
  });

  it('a primary is settled only in the epoch that it was settled in, with its file in place', () => {
    const settledOf = (changes: Partial<Snapshot>, settledEpoch: number | null) => {
      const condition = conditionOf({ ...nothing, ...changes }, { ...own, settledEpoch });
      return condition?.kind === 'primary' && condition.settled;
    };
    expect(settledOf({}, 3)).toBe(true);
    expect(settledOf({}, 2)).toBe(false);
    expect(settledOf({ standbySignal: false }, 3)).toBe(false);
  });

  it.each([
    ['replayed beyond what the receiver says', {}, '0/4800'],
    ['read from disk', { standbyWalEnd: parseLsn('0/4900') }, '0/4900'],
  ] as const)('the end of WAL of a standby: %s', (_name, changes, expected) => {
    const condition = conditionOf({ ...nothing, sql: standby, ...changes }, own);
    expect(condition).toMatchObject({ kind: 'standby', walEnd: parseLsn(expected) });
  });
});
