import { beforeEach, describe, expect, it } from 'vitest';
import { epoch, epochMs, lsnOf, timelineId } from '#libs/kernel';
import {
  dataOn,
  holding,
  hostLost,
  named,
  primaryOn,
  reportOf,
  runningCluster,
  Scenario,
  standbyAt,
} from '#libs/testing';
import { admit } from '../admit.ts';
import { goalOf } from '../goal-of.ts';
import { lineage } from '../state.ts';

const MAIN = { host: 'pg1', port: 5432, slot: 'site_b', user: null };
const DR = { host: 'dr1', port: 5432, slot: null, user: null };
const END = { timeline: timelineId(1), lsn: lsnOf(500n) };
const GUARD = holding('pg1', 1).incarnation;

let main: Scenario;
let dr: Scenario;

/** dr1 is the standby leader of what pg1 of the other cluster writes; dr2 streams from it. */
function followingCluster(): Scenario {
  const scenario = new Scenario({}, { name: 'dr', standbyOf: MAIN });
  for (const name of ['dr1', 'dr2']) scenario.hears(name);
  scenario.settle();
  scenario.hears('dr1', { dataDirectory: dataOn(1) }).settle();
  for (const name of ['dr1', 'dr2']) {
    scenario.hears(name, { dataDirectory: dataOn(1), postgres: standbyAt(1, 400n) });
  }
  scenario.settle();
  return scenario;
}

/** By the primary, which knows of the present order. */
const givenUp = () => ({ abandonedHandOver: epoch(1), actedVersion: main.state.version });

function stopped(): Scenario {
  main.record([
    { type: 'LeaseReleased', epoch: 1 as never, guard: GUARD, reason: 'hand-over', position: END },
  ]);
  main.hears('pg1', { postgres: { kind: 'stopped' }, guard: reportOf('pg1').guard });
  main.settle();
  return main;
}

const demote = { type: 'demoteCluster', remote: DR, acceptUnknown: false } as const;
const promote = { type: 'promoteCluster', lastWritten: null, acceptUnknown: false } as const;
const rules = (result: ReturnType<Scenario['command']>) =>
  result.kind === 'refused' ? result.refusals.map(({ rule }) => rule) : result.kind;

beforeEach(() => {
  main = runningCluster({}, { name: 'main' });
  dr = followingCluster();
  main.others = [dr];
  dr.others = [main];
});

describe('a cluster that follows another', () => {
  it('begins as a copy of it, with a standby leader and without any grant', () => {
    expect(dr.types.filter((type) => type !== 'InstanceJoined')).toEqual([
      'BootstrapStarted',
      'ClusterInitialised',
      'RemoteTimelinesFollowed',
      'StandbyLeaderChosen',
    ]);
    expect(dr.state.lease.kind).toBe('NeverGranted');
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({
      kind: 'standby',
      upstream: { postgres: { host: 'pg1', port: 5432 } },
      remote: MAIN,
    });
    const other = goalOf(dr.state, named('dr2'));
    expect(other).toMatchObject({ kind: 'standby', upstream: { name: 'dr1' } });
    expect(other).not.toHaveProperty('remote');
    // A standby's own control file is late.
    expect(other).toMatchObject({ rewindFrom: { postgres: { host: 'pg1' } } });
  });

  it('takes another leader when the first is lost, and leaves alone what only passes', () => {
    expect(dr.silent('dr1', 1_000).settle()).toEqual([]);
    dr.silent('dr1', 10_000).settle();
    expect(dr.last('StandbyLeaderChosen')).toMatchObject({ instance: 'dr2' });
    expect(dr.hears('dr1').settle()).toEqual([]);
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ upstream: { name: 'dr2' } });
  });

  it('takes another leader when its agent finds PostgreSQL stopped and cannot start it', () => {
    dr.hears('dr1', { postgres: { kind: 'stopped' }, downForMs: 0 });
    expect(dr.with({ sinceChangeMs: 4_900 }).settle()).toEqual([]);
    dr.with({ sinceChangeMs: 5_000 }).settle();
    expect(dr.last('StandbyLeaderChosen')).toMatchObject({
      instance: 'dr2',
      reason: 'PostgreSQL of dr1 is stopped',
    });
  });

  it('takes another leader that has a timeline which the first gets from nobody any more', () => {
    const [ahead, on] = [dataOn(2, [[1, 450n]]), standbyAt(2, 460n)];
    dr.hears('dr1', { dataDirectory: ahead, postgres: on }).settle();
    dr.hears('dr2', { postgres: standbyAt(1, 440n, false) })
      .silent('dr1')
      .settle();
    expect(dr.last('StandbyLeaderChosen').instance).toBe('dr2');
    dr.hears('dr1');
    expect(dr.with({ sinceChangeMs: 4_900 }).settle()).toEqual([]);
    dr.with({ sinceChangeMs: 5_000 }).settle();
    expect(dr.last('StandbyLeaderChosen')).toMatchObject({
      instance: 'dr1',
      reason: 'dr2 streams from nobody and lacks timeline 2, which dr1 has',
    });
    expect(dr.settle()).toEqual([]);
  });

  it('takes nobody on a timeline that everybody left, while another is on the line', () => {
    const left = (timeline: number) => ({
      type: 'RemoteTimelinesFollowed' as const,
      instance: named('dr1'),
      timelines: [
        { timeline: timelineId(timeline), fork: { from: timelineId(1), lsn: lsnOf(450n) } },
      ],
      timeline: timelineId(timeline),
    });
    dr.record([left(2), left(3)]);
    dr.hears('dr2', { dataDirectory: dataOn(2, [[1, 450n]]), postgres: standbyAt(2, 900n) });
    dr.hears('dr3', { dataDirectory: dataOn(3, [[1, 450n]]), postgres: standbyAt(3, 460n) });
    dr.silent('dr1').settle();
    expect(dr.last('StandbyLeaderChosen').instance).toBe('dr3');
  });

  it('takes the one with the most WAL', () => {
    dr.hears('dr3', { dataDirectory: dataOn(1), postgres: standbyAt(1, 390n) }).settle();
    dr.silent('dr1').settle();
    expect(dr.last('StandbyLeaderChosen').instance).toBe('dr2');
  });

  it('is left without a leader that nobody can be, and says so once', () => {
    dr.silent('dr1').silent('dr2').settle();
    expect(dr.last('ActionRefused')).toMatchObject({ action: 'standby-leader' });
    expect(dr.settle()).toEqual([]);
  });

  it('records timelines that the remote begins', () => {
    const [ahead, on] = [dataOn(2, [[1, 450n]]), standbyAt(2, 460n)];
    dr.hears('dr1', { dataDirectory: ahead, postgres: on }).settle();
    expect(dr.state.history.map(({ timeline }) => timeline)).toEqual([1, 2]);
    expect(dr.state.highestTimeline).toBe(2);
    expect(dr.settle()).toEqual([]);
  });

  it('records what goes on from its line also while the remote does not answer', () => {
    const ahead = { dataDirectory: dataOn(2, [[1, 450n]]), postgres: standbyAt(2, 460n, false) };
    dr.hears('dr1', ahead).settle();
    expect(dr.state.history.at(-1)).toMatchObject({ timeline: 2, fork: { from: 1 } });
  });

  it('takes over the line of the remote from what the other one left behind', () => {
    dr.hears('dr1', {
      dataDirectory: dataOn(2, [[1, 450n]]),
      postgres: standbyAt(2, 460n),
    }).settle();
    // Rebuilt from a remote that went on from timeline 1 by itself.
    const other = { dataDirectory: dataOn(17, [[1, 420n]]), postgres: standbyAt(17, 430n, false) };
    expect(dr.hears('dr1', other).settle()).toEqual([]);
    dr.hears('dr1', { postgres: standbyAt(17, 430n) }).settle();
    expect(lineage(dr.state.history).map(({ timeline }) => timeline)).toEqual([1, 17]);
    dr.hears('dr1', { dataDirectory: dataOn(1), postgres: standbyAt(1, 440n) }).settle();
    expect(lineage(dr.state.history).map(({ timeline }) => timeline)).toEqual([1]);
    expect(dr.state.highestTimeline).toBe(17);
  });

  it('leaves a timeline with another origin to a person', () => {
    dr.hears('dr1', {
      dataDirectory: dataOn(2, [[1, 450n]]),
      postgres: standbyAt(2, 460n),
    }).settle();
    const impostor = {
      dataDirectory: dataOn(3, [
        [1, 400n],
        [2, 470n],
      ]),
      postgres: standbyAt(3, 480n),
    };
    expect(dr.hears('dr1', impostor).settle()).toEqual([]);
  });

  it('moves its leadership by an order', () => {
    expect(dr.command({ type: 'switchover', to: named('dr2') }).kind).toBe('decided');
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ upstream: { name: 'dr2' } });
    expect(dr.settle()).toEqual([]);
    expect(dr.command({ type: 'switchover', to: named('dr2') }).kind).toBe('satisfied');
    dr.silent('dr1');
    expect(rules(dr.command({ type: 'switchover', to: null }))).toEqual(['not-heard']);
  });

  it('is restarted one after the other, its leader last and another one streaming first', () => {
    const restart = {
      type: 'restart',
      instances: null,
      rolling: true,
      onlyPending: false,
    } as const;
    for (const name of ['dr1', 'dr2']) {
      dr.hears(name, { postmasterStartedAt: epochMs(1) });
    }
    dr.command({ ...restart, role: null, at: null });
    expect(dr.last('RestartPlanned').instances).toEqual(['dr2', 'dr1']);
    dr.settle();
    expect(goalOf(dr.state, named('dr2'))).toMatchObject({ restart: { startedAt: 1 } });
    dr.hears('dr2', { postmasterStartedAt: epochMs(2) }).settle();
    expect(dr.last('StandbyLeaderChosen').instance).toBe('dr2');
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ restart: { startedAt: 1 } });
    dr.hears('dr1', { postmasterStartedAt: epochMs(2) }).settle();
    expect(dr.last('RestartEnded').outcome).toBe('completed');
  });

  it('turns down a failover and every grant', () => {
    const failover = { type: 'failover', to: null, acceptLoss: true } as const;
    expect(rules(dr.command(failover))).toEqual(['no-primary']);
    const grant = { ...main.last('LeaseGranted'), holder: named('dr1') };
    expect(admit(dr.state, grant)).toContain('nobody here may write');
  });
});

describe('demote-cluster', () => {
  it('stops the primary, records where, and follows the other cluster', () => {
    expect(main.command(demote).kind).toBe('decided');
    expect(goalOf(main.state, named('pg1'))).toMatchObject({ kind: 'handOver', epoch: 1 });
    stopped();
    expect(main.last('ClusterDemoted')).toMatchObject({ stoppedAt: END, remote: DR });
    expect(main.types).not.toContain('FailoverStarted');
    // The last primary has all that was written.
    expect(main.last('StandbyLeaderChosen').instance).toBe('pg2');
    expect(goalOf(main.state, named('pg1'))).toMatchObject({ kind: 'standby' });
    expect(main.later(600_000).settle()).toEqual([]);
  });

  it('leaves a cluster in which members may still move', () => {
    main.command(demote);
    stopped();
    main.hears('pg3', { postgresEndpoint: { host: 'elsewhere', port: 5432 } }).settle();
    expect(main.last('InstanceJoined').postgres.host).toBe('elsewhere');
  });

  it('is given up when the primary cannot stop, or ends without saying where', () => {
    main.command(demote);
    main.hears('pg1', givenUp()).settle();
    expect(main.types).toContain('ClusterDemotionAbandoned');
    expect(goalOf(main.state, named('pg1')).kind).toBe('primary');
    main.hears('pg1', { abandonedHandOver: null }).command(demote);
    const release = { guard: GUARD, reason: 'guard-dead', position: null } as const;
    main.record([{ type: 'LeaseReleased', epoch: 1 as never, ...release }]).settle();
    expect(main.state.following).toBeUndefined();
  });

  it('is given up where the primary could not follow the other one, with the reason and the way on', () => {
    main.command(demote);
    const handOverRefused = 'dr1:5432 does not answer (--yes stops it all the same)';
    main.hears('pg1', { ...givenUp(), handOverRefused }).settle();
    expect(main.last('ClusterDemotionAbandoned').reason).toMatch(
      /^pg1 serves on: dr1:5432 does not answer \(--yes /,
    );
    expect(goalOf(main.state, named('pg1')).kind).toBe('primary');
  });

  it('is not given up for what the primary said of the order before it', () => {
    main.command(demote);
    const before = givenUp();
    main.hears('pg1', before).settle();
    main.command(demote);
    expect(main.hears('pg1', before).settle()).toEqual([]);
    expect(main.state.operation.kind).toBe('demotion');
    main.hears('pg1', givenUp()).settle();
    expect(main.state.operation.kind).toBe('none');
  });

  it('tells the primary whether it may stop without asking the other one', () => {
    main.command(demote);
    expect(main.state.operation).not.toHaveProperty('acceptUnknown');
    main.record([{ type: 'ClusterDemotionAbandoned', reason: 'another try' }]);
    main.command({ ...demote, acceptUnknown: true });
    expect(main.state.operation).toMatchObject({ kind: 'demotion', acceptUnknown: true });
  });

  it('of a primary whose host dies meanwhile becomes a failover', () => {
    main.command(demote);
    hostLost(main, 'pg1').settle();
    expect(main.types).toContain('ClusterDemotionAbandoned');
    expect(main.last('FailoverStarted').trigger).toBe('lease-expired');
  });

  it('without a primary asks for a word, and says that the end is not known', () => {
    hostLost(main, 'pg1').settle();
    expect(rules(main.command(demote))).toEqual(['no-primary']);
    expect(main.command({ ...demote, acceptUnknown: true }).kind).toBe('decided');
    expect(main.last('ClusterDemoted').stoppedAt).toBeNull();
    expect(main.state.operation.kind).toBe('none');
  });

  it('never makes a cluster follow itself, and changes whom a standby cluster follows', () => {
    expect(rules(main.command({ ...demote, remote: { ...MAIN, host: 'x,pg2' } }))).toEqual([
      'own-member',
    ]);
    const ported = { ...MAIN, host: `x:1,pg2:${MAIN.port}` };
    expect(rules(main.command({ ...demote, remote: ported }))).toEqual(['own-member']);
    const remote = { ...MAIN, host: 'pg2' };
    // On a word; without one the leader asks there first (change-remote.test.ts).
    expect(dr.command({ ...demote, remote, acceptUnknown: true }).kind).toBe('decided');
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ remote });
    expect(dr.command({ ...demote, remote }).kind).toBe('satisfied');
  });
});

describe('promote-cluster', () => {
  it('never begins while the other cluster may write, whatever the word', () => {
    for (const acceptUnknown of [false, true]) {
      expect(rules(dr.command({ ...promote, acceptUnknown }))).toEqual(['other-cluster-writes']);
    }
    main.command(demote);
    expect(rules(dr.command(promote))).toEqual(['other-cluster-writes']);
  });

  it('waits for the last byte, then grants the leader a timeline of its own', () => {
    main.command(demote);
    stopped();
    expect(rules(dr.command(promote))).toEqual(['wal-missing']);
    dr.hears('dr1', { postgres: standbyAt(1, 500n, false) });
    expect(dr.command(promote).kind).toBe('decided');
    expect(dr.last('ClusterPromoted')).toMatchObject({ others: ['main'], lastWritten: END });
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
    stopped();
    const leader = main.state.following?.leader ?? '';
    main.hears(leader, { postgres: standbyAt(1, 499n) });
    expect(rules(main.command(promote))).toEqual(['wal-missing']);
    main.hears(leader, { postgres: standbyAt(1, 500n) });
    expect(main.command(promote).kind).toBe('decided');
    expect(rules(dr.command(promote))).toEqual(['other-cluster-writes']);
  });

  it('at apply loses against an order for the other one that came first', () => {
    main.command(demote);
    stopped();
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
    expect(rules(dr.command(promote))).toEqual(['other-cluster-unknown']);
    const told = (lsn: bigint) => ({ ...promote, lastWritten: { ...END, lsn: lsnOf(lsn) } });
    expect(rules(dr.command(told(401n)))).toEqual(['wal-missing']);
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
    stopped();
    dr.hears('dr1', { postgres: standbyAt(1, 500n) }).command(promote);
    const forked = dataOn(2, [[1, 500n]]);
    const serving = {
      guard: holding('dr1', 1),
      postgres: primaryOn(2, 900n),
      dataDirectory: forked,
    };
    dr.hears('dr1', serving).settle();
    hostLost(dr, 'dr1').settle();
    dr.command({ ...demote, remote: MAIN, acceptUnknown: true });
    const leader = main.state.following?.leader ?? '';
    main.hears(leader, { postgres: standbyAt(1, 500n) });
    expect(rules(main.command(promote))).toEqual(['other-cluster-unknown']);
  });

  it('of one that follows nobody is done already', () => {
    expect(main.command(promote).kind).toBe('satisfied');
  });
});
