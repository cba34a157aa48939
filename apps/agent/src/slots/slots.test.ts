import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SLOT_POLICY } from '#libs/cluster';
import { lsnOf } from '#libs/kernel';
import type { ReplicationSlot } from '#libs/postgres-run';
import { CopiedSlotsFile } from '../state-directory/copied-slots-file.ts';
import { CopiedSlots } from './copied-slots.ts';
import { type SlotSituation, slotActs } from './slot-plan.ts';
import type { WantedSlot } from './wanted-slots.ts';

const member: WantedSlot = { type: 'physical', member: null };
const logical: WantedSlot = { type: 'logical', database: 'app', plugin: 'p', member: null };

function slot(name: string, change: Partial<ReplicationSlot> = {}): ReplicationSlot {
  const common = { name, kind: 'physical', active: false, temporary: false } as const;
  return { ...common, restartLsn: lsnOf(100n), ...change };
}

const app = (change: Partial<ReplicationSlot> = {}) =>
  slot('app', { kind: 'logical', database: 'app', confirmedFlushLsn: lsnOf(100n), ...change });

function situation(change: Partial<SlotSituation>): SlotSituation {
  return {
    role: 'standby',
    major: 15,
    policy: DEFAULT_SLOT_POLICY,
    wanted: new Map(),
    ours: new Set(),
    present: [],
    elsewhere: new Map(),
    replayedLsn: lsnOf(1_000n),
    primarySlot: 'pg1',
    ...change,
  };
}

const at = (...slots: ReplicationSlot[]) => new Map(slots.map((each) => [each.name, each]));
const wanted = new Map([['pg3', member]]);
const wantedApp = new Map([['app', logical]]);

describe('physical slots', () => {
  it.each<[string, Partial<SlotSituation>, unknown[]]>([
    ['is made', { wanted }, [{ kind: 'createPhysical', name: 'pg3' }]],
    [
      'goes on with the primary',
      { wanted, present: [slot('pg3')], elsewhere: at(slot('pg3', { restartLsn: lsnOf(300n) })) },
      [{ kind: 'advance', name: 'pg3', database: null, to: 300n }],
    ],
    [
      'never goes beyond what was replayed here',
      {
        wanted,
        present: [slot('pg3')],
        elsewhere: at(slot('pg3', { restartLsn: lsnOf(3_000n) })),
      },
      [{ kind: 'advance', name: 'pg3', database: null, to: 1_000n }],
    ],
    [
      'never goes back',
      { wanted, present: [slot('pg3', { restartLsn: lsnOf(500n) })], elsewhere: at(slot('pg3')) },
      [],
    ],
    [
      'in use is left alone',
      { wanted, present: [slot('pg3', { active: true })], elsewhere: at(slot('pg3')) },
      [],
    ],
    [
      'stays while the primary does not answer',
      { wanted, present: [slot('pg3')], elsewhere: null },
      [],
    ],
    [
      'of the primary itself goes on with what is replayed',
      { wanted: new Map([['pg1', member]]), present: [slot('pg1')] },
      [{ kind: 'advance', name: 'pg1', database: null, to: 1_000n }],
    ],
    [
      'that holds old rows on a former primary is made anew',
      { wanted, present: [slot('pg3', { xmin: 700 })] },
      [{ kind: 'drop', name: 'pg3', why: 'it holds old rows for nobody' }],
    ],
    [
      'that lost its WAL is made anew',
      { role: 'primary', replayedLsn: null, wanted, present: [slot('pg3', { walStatus: 'lost' })] },
      [{ kind: 'drop', name: 'pg3', why: 'it lost its WAL' }],
    ],
  ])('%s', (_name, change, acts) => {
    expect(slotActs(situation(change))).toEqual(acts);
  });
});

describe('logical slots', () => {
  it.each<[string, Partial<SlotSituation>, unknown[]]>([
    [
      'is made on the primary',
      { role: 'primary', replayedLsn: null, wanted: wantedApp },
      [{ kind: 'createLogical', name: 'app', database: 'app', plugin: 'p' }],
    ],
    [
      'is copied to a standby',
      { wanted: wantedApp, elsewhere: at(app()) },
      [{ kind: 'copyLogical', name: 'app' }],
    ],
    ['waits for the primary to have it', { wanted: wantedApp }, []],
    [
      'goes on with its consumer',
      {
        wanted: wantedApp,
        present: [app()],
        elsewhere: at(app({ confirmedFlushLsn: lsnOf(200n) })),
      },
      [{ kind: 'advance', name: 'app', database: 'app', to: 200n }],
    ],
    [
      'goes when the primary has it no more',
      { wanted: wantedApp, present: [app()] },
      [{ kind: 'drop', name: 'app', why: 'the primary has it no more' }],
    ],
    ['stays while nobody knows', { wanted: wantedApp, present: [app()], elsewhere: null }, []],
    [
      'of a former primary makes room for the copy of the server (17)',
      { major: 17, wanted: wantedApp, present: [app()], elsewhere: at(app()) },
      [{ kind: 'drop', name: 'app', why: 'the server keeps its own copy' }],
    ],
    [
      'that the server copied is its own business (17)',
      { major: 17, wanted: wantedApp, present: [app({ synced: true })], elsewhere: at(app()) },
      [],
    ],
  ])('%s', (_name, change, acts) => {
    expect(slotActs(situation(change))).toEqual(acts);
  });
});

describe('slots that nobody asked for', () => {
  const drop = { ...DEFAULT_SLOT_POLICY, unknown: 'drop' } as const;
  const stranger = slot('stranger', { kind: 'logical', plugin: 'wal2json', database: 'app' });
  it.each<[string, Partial<SlotSituation>, string[]]>([
    ['are kept by default', { present: [stranger] }, []],
    ['go where the policy says so', { present: [stranger], policy: drop }, ['stranger']],
    ['in use stay', { present: [{ ...stranger, active: true }], policy: drop }, []],
    [
      'stay when all that a matcher names fits',
      {
        present: [stranger],
        policy: { ...drop, ignore: [{ plugin: 'wal2json', type: 'logical' }] },
      },
      [],
    ],
    [
      'go when a part does not fit',
      { present: [stranger], policy: { ...drop, ignore: [{ plugin: 'wal2json', database: 'x' }] } },
      ['stranger'],
    ],
    ['go when they were ours', { present: [slot('pg9')], ours: new Set(['pg9']) }, ['pg9']],
  ])('%s', (_name, change, dropped) => {
    expect(slotActs(situation(change)).map(({ name }) => name)).toEqual(dropped);
  });
});

describe('a copied slot', () => {
  let directory: string;
  let copied: CopiedSlots;
  const restarted = () => new CopiedSlots(new CopiedSlotsFile(directory));
  const look = (own: number, theirs: number, held?: number) => {
    const ours = held === undefined ? slot('pg2') : slot('pg2', { catalogXmin: held });
    copied.look([app({ catalogXmin: own })], at(app({ catalogXmin: theirs }), ours), 'pg2');
    return copied.unsafe;
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'copied-slots-'));
    copied = restarted();
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is safe once it has passed what the primary held back when it began to hold back for us', () => {
    copied.copied('app');
    expect(look(700, 700)).toEqual(['app']);
    expect(look(700, 705, 700)).toEqual(['app']);
    expect(look(703, 706, 703)).toEqual(['app']);
    expect(look(705, 706, 705)).toEqual([]);
  });

  it('is no safer for an agent that is restarted', () => {
    copied.copied('app');
    expect(look(700, 705, 700)).toEqual(['app']);
    copied = restarted();
    expect(copied.unsafe).toEqual(['app']);
    expect(look(704, 709, 704)).toEqual(['app']);
    expect(look(705, 709, 705)).toEqual([]);
    expect(restarted().unsafe).toEqual([]);
  });

  it('of a former primary is not safe before the new one holds rows back for it, also after a restart', () => {
    copied.own();
    copied = restarted();
    expect(copied.unsafe).toEqual([]);
    expect(look(705, 700)).toEqual(['app']);
    expect(look(705, 700, 706)).toEqual(['app']);
    expect(look(705, 700, 705)).toEqual([]);
    expect(look(705, 700)).toEqual([]);
  });

  it('is looked at anew when what was known of it cannot be read', () => {
    writeFileSync(join(directory, 'copied-slots.json'), '{"asPrim');
    copied = restarted();
    expect(look(705, 700)).toEqual(['app']);
    expect(look(705, 700, 705)).toEqual([]);
  });
});
