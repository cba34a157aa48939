import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAt,
  holding,
  hostLost,
  isDetached,
  named,
  nameOf,
  primaryOn,
  primaryVanishes,
  runningCluster,
  type Scenario,
  syncCluster,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import { decide } from '../decide.ts';

const tags = (failoverPriority: number, zone?: string) => ({
  tags: { noFailover: false, noLoadBalance: false, failoverPriority, ...(zone && { zone }) },
});

/** pg1 is lost; pg3 is preferred and has less than pg2. */
function behind(lsn = 90n, furthest = 95n, scenario = runningCluster()): Scenario {
  scenario.hears('pg3', tags(10)).settle();
  hostLost(scenario, 'pg1').settle();
  scenario.hears('pg2', { detached: detachedAt(1, 1, furthest) });
  return scenario.hears('pg3', { detached: detachedAt(1, 1, lsn) });
}

/** pg3 has acted on the order to fetch no more. */
function stopsFetching(scenario: Scenario, lsn: bigint): Scenario {
  const actedVersion = scenario.state.version;
  return scenario.hears('pg3', { detached: detachedAt(1, 1, lsn), actedVersion });
}

describe('a preferred candidate that is behind', () => {
  it('fetches what it lacks from the most advanced, and is promoted then', () => {
    const scenario = behind();
    expect(scenario.settle()).toEqual(['fast-forward']);
    expect(scenario.last('FastForwardStarted')).toMatchObject({
      ...{ instance: 'pg3', from: 'pg2', upTo: { timeline: 1, lsn: 95n }, missingBytes: 5n },
    });
    expect(goalOf(scenario.state, named('pg3'))).toMatchObject({
      ...{ kind: 'detached', fetch: { from: { name: 'pg2' }, upTo: { lsn: 95n } } },
    });
    expect(goalOf(scenario.state, named('pg2'))).not.toHaveProperty('fetch');
    // Its proof of before says that it is not there yet; while it fetches it has none.
    expect(scenario.later(100).settle()).toEqual([]);
    expect(scenario.hears('pg3', { detached: null }).settle()).toEqual([]);
    scenario.later(40).hears('pg3', { detached: detachedAt(1, 1, 95n) });
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 2 });
    const dataDirectory = dataOn(2, [[1, 95n]]);
    const serving = { guard: holding('pg3', 2), postgres: primaryOn(2), dataDirectory };
    scenario.hears('pg3', serving).settle();
    expect(scenario.last('FailoverCompleted').phasesMs).toMatchObject({ fastForward: 140 });
    expect(scenario.last('FailoverCompleted').lostBytes).toBe(scenario.state.lastOutage?.lostBytes);
  });

  it('is given up after its time, for the most advanced', () => {
    const scenario = behind();
    scenario.settle();
    expect(scenario.later(1_500).settle()).toEqual(['give-up-fast-forward']);
    expect(scenario.last('FastForwardGivenUp').reason).toContain('1500 ms');
    expect(stopsFetching(scenario, 93n).settle()).toEqual(['grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
  });

  it('is waited for no longer than any other that does not say how far it is', () => {
    const scenario = behind();
    scenario.settle();
    scenario.later(1_500).settle();
    expect(scenario.later(1_499).settle()).toEqual([]);
    expect(scenario.later(1).settle()).toEqual(['grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
  });

  it('is judged by what it says once it fetches no more: a report of before was long on its way', () => {
    const scenario = behind();
    scenario.settle();
    scenario.silent('pg2').later(10).settle();
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) });
    expect(scenario.settle()).toEqual([]);
    expect(stopsFetching(scenario, 93n).settle()).toEqual(['grant-to-candidate']);
    const position = { timeline: 1, lsn: 93n };
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', position });
  });

  it.each(['pg2', 'pg3'])('is given up once %s is not heard any more', (gone) => {
    const scenario = behind();
    scenario.settle();
    scenario.silent(gone).later(10);
    scenario.settle();
    expect(scenario.types).toContain('FastForwardGivenUp');
    if (gone === 'pg2') stopsFetching(scenario, 90n).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: gone === 'pg2' ? 'pg3' : 'pg2' });
  });

  it('is passed over for whoever came back meanwhile with more, the lost primary even', () => {
    const scenario = behind();
    scenario.settle();
    scenario.hears('pg3', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg2', { detached: detachedAt(1, 1, 97n) });
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
  });

  it('may be beyond the lag limit: it is not passed over for what it can fetch', () => {
    const scenario = behind(90n, 9_000_000n);
    scenario.with({ lastKnown: { timeline: 1, lsn: 9_000_000n, ageMs: 100 } as never });
    expect(scenario.settle()).toEqual(['fast-forward']);
  });

  it.each([
    ['more than a segment is missing', behind(90n, 20_000_000n)],
    ['it is on another timeline', behind().hears('pg3', { detached: detachedAt(1, 7, 90n) })],
    ['the most advanced does not run', behind().hears('pg2', { postgres: { kind: 'stopped' } })],
    ['nobody is preferred', behind().hears('pg3', tags(0)).hears('pg2', tags(0))],
  ])('is passed over when %s', (why, scenario) => {
    if (why === 'nobody is preferred') scenario.record([{ ...joined(scenario), ...tags(0) }]);
    scenario.settle();
    expect(scenario.types).not.toContain('FastForwardStarted');
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
  });

  it('is who an operator asked for', () => {
    const scenario = runningCluster();
    scenario.command({ type: 'failover', to: named('pg3'), acceptLoss: false });
    scenario.releases('yielded');
    scenario.hears('pg1', { postgres: { kind: 'stopped' } });
    scenario.hears('pg2', { detached: detachedAt(1, 1, 95n) });
    scenario.hears('pg3', { detached: detachedAt(1, 1, 90n) }).later(1_500);
    expect(scenario.settle()).toEqual(['fast-forward']);
  });

  it('waits for a group that knows the event', () => {
    const scenario = behind();
    const { protocol: _level, ...before } = scenario.input;
    expect(decide(before)?.rule).toBe('grant-to-candidate');
  });
});

describe('in synchronous modes', () => {
  it('whoever may lack commits gets them first, and nobody is promoted with the end of the lease', () => {
    const scenario = syncCluster();
    scenario.hears('pg2', tags(10)).settle();
    primaryVanishes(scenario).settle();
    isDetached(isDetached(scenario, 'pg2', 99n), 'pg3', 100n);
    expect(scenario.settle()).toEqual(['fence-by-data', 'fast-forward']);
    isDetached(scenario, 'pg2', 100n);
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2' });
    expect(scenario.last('LeaseGranted').synchronous?.names).not.toContain(nameOf('pg2'));
  });
});

function joined(scenario: Scenario) {
  const member = scenario.state.members['pg3'];
  if (member === undefined) throw new Error('no pg3');
  const { name: instance, postgres, agent } = member;
  return { type: 'InstanceJoined', instance, postgres, agent } as const;
}
