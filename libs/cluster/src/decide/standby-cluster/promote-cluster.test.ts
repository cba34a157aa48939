import { beforeEach, describe, expect, it } from 'vitest';
import { lsnOf } from '#libs/kernel';
import {
  clusterPair,
  DR_REMOTE,
  dataOn,
  holding,
  hostLost,
  MAIN_END,
  MAIN_REMOTE,
  named,
  primaryOn,
  refusedBy,
  type Scenario,
  standbyAt,
  stopMain,
} from '#libs/testing';
import { admit } from '../../admit.ts';
import { goalOf } from '../../goal-of.ts';

const demote = { type: 'demoteCluster', remote: DR_REMOTE, acceptUnknown: false } as const;
const promote = { type: 'promoteCluster', lastWritten: null, acceptUnknown: false } as const;

let main: Scenario;
let dr: Scenario;

beforeEach(() => {
  ({ main, dr } = clusterPair());
});

describe('promote-cluster', () => {
  it('never begins while the other cluster may write, whatever the word', () => {
    for (const acceptUnknown of [false, true]) {
      expect(refusedBy(dr.command({ ...promote, acceptUnknown }))).toEqual([
        'other-cluster-writes',
      ]);
    }
    main.command(demote);
    expect(refusedBy(dr.command(promote))).toEqual(['other-cluster-writes']);
  });

  it('waits for the last byte, then grants the leader a timeline of its own', () => {
    main.command(demote);
    stopMain(main).settle();
    expect(refusedBy(dr.command(promote))).toEqual(['wal-missing']);
    dr.hears('dr1', { postgres: standbyAt(1, 500n, false) });
    expect(dr.command(promote).kind).toBe('decided');
    expect(dr.last('ClusterPromoted')).toMatchObject({ others: ['main'], lastWritten: MAIN_END });
    expect(dr.last('LeaseGranted')).toMatchObject({ epoch: 1, holder: 'dr1', timeline: 2 });
    const forked = dataOn(2, [[1, 500n]]);
    const serving = {
      guard: holding('dr1', 1),
      postgres: primaryOn(2, 520n),
      dataDirectory: forked,
    };
    dr.hears('dr1', serving).settle();
    expect(dr.last('Promoted')).toMatchObject({ timeline: 2, fork: { from: 1, lsn: 500n } });
    expect(goalOf(dr.state, named('dr2'))).toMatchObject({ upstream: { name: 'dr1' } });
  });

  it('goes back when the other cluster has not begun to write', () => {
    main.command(demote);
    stopMain(main).settle();
    const leader = main.state.following?.leader ?? '';
    main.hears(leader, { postgres: standbyAt(1, 499n) });
    expect(refusedBy(main.command(promote))).toEqual(['wal-missing']);
    main.hears(leader, { postgres: standbyAt(1, 500n) });
    expect(main.command(promote).kind).toBe('decided');
    expect(refusedBy(dr.command(promote))).toEqual(['other-cluster-writes']);
  });

  it('at apply loses against an order for the other one that came first', () => {
    main.command(demote);
    stopMain(main).settle();
    const leader = main.state.following?.leader ?? '';
    main.hears(leader, { postgres: standbyAt(1, 500n) });
    dr.hears('dr1', { postgres: standbyAt(1, 500n) });
    const before = main.state;
    expect(dr.command(promote).kind).toBe('decided');
    const late = {
      ...dr.last('ClusterPromoted'),
      instance: named(leader),
      others: [dr.state.name],
    };
    expect(admit(before, late, () => dr.state)).toContain('dr has the same data and may write');
  });

  it('alone says what it cannot know, and takes an operator’s word for it', () => {
    dr.others = [];
    expect(refusedBy(dr.command(promote))).toEqual(['other-cluster-unknown']);
    const told = (lsn: bigint) => ({ ...promote, lastWritten: { ...MAIN_END, lsn: lsnOf(lsn) } });
    expect(refusedBy(dr.command(told(401n)))).toEqual(['wal-missing']);
    expect(dr.command(told(400n)).kind).toBe('decided');
    expect(dr.last('LeaseGranted').timeline).toBe(2);
  });

  it('on a word alone leaves timelines free for what the other one may have begun', () => {
    dr.others = [];
    expect(dr.command({ ...promote, acceptUnknown: true }).kind).toBe('decided');
    expect(dr.last('LeaseGranted').timeline).toBe(17);
  });

  it('does not take an older end for the last one when the other was lost since', () => {
    main.command(demote);
    stopMain(main).settle();
    dr.hears('dr1', { postgres: standbyAt(1, 500n) }).command(promote);
    const forked = dataOn(2, [[1, 500n]]);
    const serving = {
      guard: holding('dr1', 1),
      postgres: primaryOn(2, 900n),
      dataDirectory: forked,
    };
    dr.hears('dr1', serving).settle();
    hostLost(dr, 'dr1').settle();
    dr.command({ ...demote, remote: MAIN_REMOTE, acceptUnknown: true });
    const leader = main.state.following?.leader ?? '';
    main.hears(leader, { postgres: standbyAt(1, 500n) });
    expect(refusedBy(main.command(promote))).toEqual(['other-cluster-unknown']);
  });

  it('of one that follows nobody is done already', () => {
    expect(main.command(promote).kind).toBe('satisfied');
  });
});
