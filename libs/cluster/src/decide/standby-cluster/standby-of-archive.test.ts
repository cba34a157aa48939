/** A standby cluster that follows an archive: no server of the other one is ever reached. */
import { beforeEach, describe, expect, it } from 'vitest';
import { epochMs, lsnOf, timelineId } from '#libs/kernel';
import { dataOn, named, refusedBy, runningCluster, Scenario, standbyAt } from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import type { AgentReport } from '../../report.ts';

const ARCHIVE = { archive: 'pgbackrest' } as const;
const MAIN = { host: 'pg1', port: 5432, slot: null, user: null };
const END = { timeline: timelineId(1), lsn: lsnOf(500n) };
const methods = ['pg_rewind', 'walg', 'basebackup', 'pgbackrest'] as const;
const rebuild = {
  ...({ methods, automaticRebuild: 'whenSafe', inPlaceAlone: false } as const),
  bandwidthBytesPerSecond: null,
} as const;
const promote = { type: 'promoteCluster', lastWritten: null, acceptUnknown: false } as const;

let dr: Scenario;

/** It has what it has replayed, and no receiver. */
function replayed(timeline: number, lsn: bigint): AgentReport['postgres'] {
  const streaming = standbyAt(timeline, lsn, false);
  if (streaming.kind !== 'standby') throw new Error('a standby was asked for');
  return { ...streaming, receivedLsn: null, replayedLsn: lsnOf(lsn), receiver: null };
}

/** dr1 replays the archive, dr2 streams from it. */
beforeEach(() => {
  dr = new Scenario({}, { name: 'dr', standbyOf: ARCHIVE, definition: { rebuild } });
  for (const name of ['dr1', 'dr2']) dr.hears(name);
  dr.settle();
  dr.hears('dr1', { dataDirectory: dataOn(1), postgres: replayed(1, 400n) });
  dr.settle();
  dr.hears('dr2', { dataDirectory: dataOn(1), postgres: standbyAt(1, 390n) });
  dr.settle();
});

describe('a cluster that follows an archive', () => {
  it('begins with its first copy, and has a leader that streams from nobody', () => {
    expect(dr.last('ClusterInitialised').instance).toBe('dr1');
    expect(dr.state.lease.kind).toBe('NeverGranted');
    const leads = goalOf(dr.state, named('dr1'));
    expect(leads).toMatchObject({ kind: 'standby', upstream: null, archiveOnly: true });
    expect(leads).toMatchObject({ remote: ARCHIVE });
    expect(leads).not.toHaveProperty('rewindFrom');
  });

  it('has the others stream from the leader, and rewound from it too', () => {
    const follows = goalOf(dr.state, named('dr2'));
    expect(follows).toMatchObject({ kind: 'standby', upstream: { name: 'dr1' }, methods });
    for (const absent of ['rewindFrom', 'archiveOnly', 'remote']) {
      expect(follows).not.toHaveProperty(absent);
    }
  });

  it('builds its leader from backups alone, by the tool of the archive first', () => {
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ methods: ['pgbackrest', 'walg'] });
    dr.silent('dr2');
    const wants = { ...reported('dr1').rebuild, wants: 'its data is gone' };
    dr.hears('dr1', { dataDirectory: { kind: 'empty' }, rebuild: wants as never }).settle();
    expect(dr.last('RebuildStarted').methods).toEqual(['pgbackrest', 'walg']);
  });

  it('takes another leader when the first is lost, which leaves its upstream for the archive', () => {
    dr.silent('dr1', 10_000).settle();
    expect(dr.last('StandbyLeaderChosen')).toMatchObject({
      ...{ instance: 'dr2', position: { lsn: 390n } },
    });
    expect(goalOf(dr.state, named('dr2'))).toMatchObject({ upstream: null, archiveOnly: true });
  });

  it('records the timelines that came out of the archive', () => {
    const ahead = { dataDirectory: dataOn(2, [[1, 450n]]), postgres: replayed(2, 460n) };
    dr.hears('dr1', ahead).settle();
    expect(dr.state.history.at(-1)).toMatchObject({ timeline: 2, fork: { from: 1 } });
  });

  it('is restarted to its end, although its leader never streams', () => {
    const [before, after] = [epochMs(1), epochMs(2)];
    dr.hears('dr1', { postmasterStartedAt: before });
    const instances = [named('dr1')];
    dr.command({
      ...{ type: 'restart', instances, rolling: false, onlyPending: false, role: null, at: null },
    });
    dr.settle();
    dr.hears('dr1', { postmasterStartedAt: after }).settle();
    expect(dr.last('RestartEnded').outcome).toBe('completed');
  });

  it('may be told to follow a server instead, and back', () => {
    const follow = (remote: typeof MAIN | typeof ARCHIVE) => {
      const order = dr.command({ type: 'demoteCluster', remote, acceptUnknown: false });
      const at = dr.state.following?.asked?.at;
      if (at !== undefined) dr.hears('dr1', { remoteAnswer: { at, why: null } }).settle();
      return order;
    };
    expect(follow(ARCHIVE)).toMatchObject({
      kind: 'satisfied',
      why: expect.stringContaining('pgbackrest archive'),
    });
    expect(follow(MAIN).kind).toBe('decided');
    const streams = goalOf(dr.state, named('dr1'));
    expect(streams).toMatchObject({ remote: MAIN, upstream: { postgres: { host: 'pg1' } } });
    expect(streams).not.toHaveProperty('archiveOnly');
    expect(follow(ARCHIVE).kind).toBe('decided');
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ upstream: null, archiveOnly: true });
  });
});

describe('promote-cluster of one that follows an archive', () => {
  it('says what it cannot know, and takes an operator’s word for it', () => {
    expect(refusedBy(dr.command(promote))).toEqual(['other-cluster-unknown']);
    expect(refusedBy(dr.command({ ...promote, lastWritten: END }))).toEqual(['wal-missing']);
    expect(dr.command({ ...promote, acceptUnknown: true }).kind).toBe('decided');
    expect(dr.last('LeaseGranted')).toMatchObject({ epoch: 1, holder: 'dr1', timeline: 17 });
    expect(dr.last('ClusterPromoted').received).toEqual({ timeline: 1, lsn: 400n });
    expect(goalOf(dr.state, named('dr2'))).toMatchObject({ upstream: { name: 'dr1' } });
  });

  it('loses nothing when the end of what was written is replayed', () => {
    dr.hears('dr1', { postgres: replayed(1, 500n) });
    expect(dr.command({ ...promote, lastWritten: END }).kind).toBe('decided');
    expect(dr.last('LeaseGranted').timeline).toBe(2);
  });

  it('never begins while a cluster of the same data, that archives by the same tool, may write', () => {
    const archive = { tool: 'pgbackrest' } as const;
    dr.others = [runningCluster({}, { name: 'main', definition: { archive } })];
    const yes = { ...promote, acceptUnknown: true };
    expect(refusedBy(dr.command(yes))).toEqual(['other-cluster-writes']);
    // Restored to look at, it archives elsewhere or not at all.
    dr.others = [runningCluster({}, { name: 'copy' })];
    expect(dr.command(yes).kind).toBe('decided');
  });
});

describe('demote-cluster towards an archive', () => {
  const demote = { type: 'demoteCluster', remote: ARCHIVE, acceptUnknown: false } as const;

  it('is refused without a word where nobody archives what is written last', () => {
    const main = runningCluster({}, { name: 'main' });
    expect(refusedBy(main.command(demote))).toEqual(['archives-nothing']);
    expect(main.command({ ...demote, acceptUnknown: true }).kind).toBe('decided');
  });

  it('stops the primary, records where, and the furthest replays the archive', () => {
    const archive = { tool: 'pgbackrest' } as const;
    const main = runningCluster({}, { name: 'main', definition: { archive } });
    expect(main.command(demote).kind).toBe('decided');
    main.releases('hand-over', END);
    main.hears('pg1', { postgres: { kind: 'stopped' } }).settle();
    expect(main.last('ClusterDemoted')).toMatchObject({ stoppedAt: END, remote: ARCHIVE });
    const leader = named(main.last('StandbyLeaderChosen').instance);
    expect(goalOf(main.state, leader)).toMatchObject({ upstream: null, remote: ARCHIVE });
  });
});

function reported(name: string): AgentReport {
  const report = dr.observations.instances[name]?.report ?? null;
  if (report === null) throw new Error(`${name} was not heard`);
  return report;
}
