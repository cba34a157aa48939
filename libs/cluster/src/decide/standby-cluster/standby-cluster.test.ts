import { beforeEach, describe, expect, it } from 'vitest';
import { epochMs, lsnOf, timelineId } from '#libs/kernel';
import {
  clusterPair,
  dataOn,
  MAIN_REMOTE,
  named,
  refusedBy,
  type Scenario,
  standbyAt,
} from '#libs/testing';
import { admit } from '../../admit.ts';
import { goalOf } from '../../goal-of.ts';
import { lineage } from '../../state.ts';

let main: Scenario;
let dr: Scenario;

beforeEach(() => {
  ({ main, dr } = clusterPair());
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
      remote: MAIN_REMOTE,
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
    expect(refusedBy(dr.command({ type: 'switchover', to: null }))).toEqual(['not-heard']);
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
    expect(refusedBy(dr.command(failover))).toEqual(['no-primary']);
    const grant = { ...main.last('LeaseGranted'), holder: named('dr1') };
    expect(admit(dr.state, grant)).toContain('nobody here may write');
  });
});
