import { beforeEach, describe, expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import {
  clusterPair,
  DR_REMOTE,
  hostLost,
  MAIN_END,
  MAIN_REMOTE,
  named,
  refusedBy,
  type Scenario,
  stopMain,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';

const demote = { type: 'demoteCluster', remote: DR_REMOTE, acceptUnknown: false } as const;

let main: Scenario;
let dr: Scenario;

beforeEach(() => {
  ({ main, dr } = clusterPair());
});

/** By the primary, which knows of the present order. */
const givenUp = () => ({ abandonedHandOver: epoch(1), actedVersion: main.state.version });

describe('demote-cluster', () => {
  it('stops the primary, records where, and follows the other cluster', () => {
    expect(main.command(demote).kind).toBe('decided');
    expect(goalOf(main.state, named('pg1'))).toMatchObject({ kind: 'handOver', epoch: 1 });
    stopMain(main).settle();
    expect(main.last('ClusterDemoted')).toMatchObject({ stoppedAt: MAIN_END, remote: DR_REMOTE });
    expect(main.types).not.toContain('FailoverStarted');
    // The last primary has all that was written.
    expect(main.last('StandbyLeaderChosen').instance).toBe('pg2');
    expect(goalOf(main.state, named('pg1'))).toMatchObject({ kind: 'standby' });
    expect(main.later(600_000).settle()).toEqual([]);
  });

  it('leaves a cluster in which members may still move', () => {
    main.command(demote);
    stopMain(main).settle();
    main.hears('pg3', { postgresEndpoint: { host: 'elsewhere', port: 5432 } }).settle();
    expect(main.last('InstanceJoined').postgres.host).toBe('elsewhere');
  });

  it('is given up when the primary cannot stop, or ends without saying where', () => {
    main.command(demote);
    main.hears('pg1', givenUp()).settle();
    expect(main.types).toContain('ClusterDemotionAbandoned');
    expect(goalOf(main.state, named('pg1')).kind).toBe('primary');
    main.hears('pg1', { abandonedHandOver: null }).command(demote);
    main.releases('guard-dead').settle();
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
    expect(refusedBy(main.command(demote))).toEqual(['no-primary']);
    expect(main.command({ ...demote, acceptUnknown: true }).kind).toBe('decided');
    expect(main.last('ClusterDemoted').stoppedAt).toBeNull();
    expect(main.state.operation.kind).toBe('none');
  });

  it('never makes a cluster follow itself, and changes whom a standby cluster follows', () => {
    expect(
      refusedBy(main.command({ ...demote, remote: { ...MAIN_REMOTE, host: 'x,pg2' } })),
    ).toEqual(['own-member']);
    const ported = { ...MAIN_REMOTE, host: `x:1,pg2:${MAIN_REMOTE.port}` };
    expect(refusedBy(main.command({ ...demote, remote: ported }))).toEqual(['own-member']);
    const remote = { ...MAIN_REMOTE, host: 'pg2' };
    // On a word; without one the leader asks there first (change-remote.test.ts).
    expect(dr.command({ ...demote, remote, acceptUnknown: true }).kind).toBe('decided');
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ remote });
    expect(dr.command({ ...demote, remote }).kind).toBe('satisfied');
  });
});
