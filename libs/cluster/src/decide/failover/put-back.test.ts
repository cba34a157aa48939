import { describe, expect, it } from 'vitest';
import {
  dataOn,
  detachedAt,
  hostLost,
  named,
  primaryOn,
  runningCluster,
  type Scenario,
  SYSTEM_IDENTIFIER,
  standbyAt,
  walAt,
} from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import type { AgentReport } from '../../report.ts';

const DIRECTORY = '/data/pg2.matriarch-aside';
const UNFINISHED = { kind: 'unfinished', work: 'making room for a copy' } as const;

function asideAt(timeline: number, lsn: bigint): Pick<AgentReport, 'aside'> {
  const position = walAt(timeline, lsn);
  return { aside: { directory: DIRECTORY, systemIdentifier: SYSTEM_IDENTIFIER, position } };
}

type Change = { readonly aside?: bigint; readonly settings?: Parameters<typeof runningCluster>[0] };

/** pg1 is lost while pg2, which had been at `aside`, is built anew; pg3 is away. */
function lostWhileRebuilt({ aside = 60n, settings = {} }: Change = {}): Scenario {
  const scenario = runningCluster(settings);
  scenario.command({
    ...{ type: 'rebuild', instance: named('pg2'), method: null, from: null, force: false },
  });
  scenario.hears('pg2', {
    ...{ dataDirectory: UNFINISHED, postgres: { kind: 'stopped' } },
    ...asideAt(1, aside),
  });
  scenario.silent('pg3');
  hostLost(scenario, 'pg1').settle();
  scenario.later(2_000).settle();
  return scenario;
}

function offerIn(scenario: Scenario) {
  return scenario
    .last('ActionRefused')
    .refusals.find(({ rule, instance }) => rule === 'copy-aside' && instance === 'pg2');
}

const takes = (acceptLoss = false) =>
  ({ type: 'failover', to: named('pg2'), acceptLoss, copyAside: true }) as const;

describe('a failover that finds nobody while a copy lies aside (safety 25)', () => {
  it('offers it: where it is, how far it goes, how far that is behind, by which order', () => {
    expect(offerIn(lostWhileRebuilt())).toEqual({
      instance: 'pg2',
      rule: 'copy-aside',
      value:
        `an earlier copy in ${DIRECTORY}, up to 0/3C of timeline 1, ` +
        'at most 40 bytes behind the last known position of the lost primary',
      limit: '`matriarch failover demo --to pg2 --copy-aside`',
    });
  });

  it('names the loss that is to be accepted where the copy is too far behind', () => {
    const scenario = lostWhileRebuilt({ settings: { maximumLagOnFailoverBytes: 39n } });
    expect(offerIn(scenario)?.limit).toBe(
      '`matriarch failover demo --to pg2 --copy-aside --accept-loss`',
    );
  });

  it('never takes it by itself', () => {
    const scenario = lostWhileRebuilt();
    expect(scenario.later(3_600_000).settle()).toEqual([]);
    expect(goalOf(scenario.state, named('pg2'))).not.toHaveProperty('copyAside');
  });

  it('has it put back on an operator’s word, and judges it like any other then', () => {
    const scenario = lostWhileRebuilt();
    expect(scenario.command(takes()).kind).toBe('decided');
    expect(goalOf(scenario.state, named('pg2'))).toMatchObject({
      ...{ kind: 'detached', throughEpoch: 1, copyAside: true },
    });
    expect(goalOf(scenario.state, named('pg3'))).not.toHaveProperty('copyAside');
    scenario.hears('pg2', { dataDirectory: dataOn(1), aside: null });
    scenario.hears('pg2', { detached: detachedAt(1, 1, 60n), postgres: standbyAt(1, 60n, false) });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg2', timeline: 2 });
  });

  it('leaves it where it is once the lost primary, which has everything, is granted the next epoch', () => {
    const scenario = lostWhileRebuilt();
    scenario.command(takes());
    scenario.hears('pg1', { detached: detachedAt(1, 1, 100n), postgres: { kind: 'stopped' } });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg1', timeline: 1 });
    const goal = goalOf(scenario.state, named('pg2'));
    expect(goal).toMatchObject({ kind: 'detached', throughEpoch: 1 });
    expect(goal).not.toHaveProperty('copyAside');
  });

  it('holds what was put back to the limit too, until its loss is accepted', () => {
    const scenario = lostWhileRebuilt({ settings: { maximumLagOnFailoverBytes: 39n } });
    scenario.command(takes());
    scenario.hears('pg2', { dataDirectory: dataOn(1), aside: null });
    scenario.hears('pg2', { detached: detachedAt(1, 1, 60n), postgres: standbyAt(1, 60n, false) });
    scenario.later(10_000).settle();
    expect(scenario.state.lease).toMatchObject({ kind: 'Expired', epoch: 1 });
    expect(scenario.last('ActionRefused').refusals).toContainEqual(
      expect.objectContaining({ instance: 'pg2', rule: 'lag' }),
    );
    scenario.command({ type: 'failover', to: named('pg2'), acceptLoss: true });
    scenario.settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg2' });
  });

  it('grants nothing on what lies in its place while it is still aside', () => {
    const scenario = lostWhileRebuilt();
    scenario.command(takes());
    scenario.hears('pg2', { dataDirectory: dataOn(1), postgres: standbyAt(1, 99n, false) });
    scenario.hears('pg2', { detached: detachedAt(1, 1, 99n) });
    scenario.later(10_000).settle();
    expect(scenario.last('ActionRefused').refusals).toContainEqual(
      expect.objectContaining({ instance: 'pg2', rule: 'copy-not-back' }),
    );
    expect(scenario.state.lease).toMatchObject({ kind: 'Expired', epoch: 1 });
  });

  it('is offered beside a copy that is not consistent, and beyond the limit as far as it is known', () => {
    const scenario = lostWhileRebuilt({ settings: { maximumLagOnFailoverBytes: 5n } });
    const own = { dataDirectory: dataOn(1), detached: detachedAt(1, 1, 90n) } as const;
    const starting = { kind: 'starting', progress: null, sinceMs: 9_000 } as const;
    scenario
      .hears('pg2', { ...own, postgres: starting })
      .later(20_000)
      .settle();
    const rules = scenario.last('ActionRefused').refusals.map(({ rule }) => rule);
    expect(rules).toEqual(expect.arrayContaining(['lag', 'copy-aside']));
    expect(scenario.command(takes(true)).kind).toBe('decided');
  });

  it('is offered where a granted copy does not come to serve, and taken after it has yielded', () => {
    const scenario = lostWhileRebuilt();
    const inconsistent = { dataDirectory: dataOn(1), detached: detachedAt(1, 1, 90n) } as const;
    scenario.hears('pg2', { ...inconsistent, postgres: standbyAt(1, 90n, false) }).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2, holder: 'pg2' });
    scenario.hears('pg2', { postgres: { kind: 'starting', progress: null, sinceMs: 9_000 } });
    const before = scenario.types.length;
    scenario.later(30_000).settle();
    expect(scenario.types.slice(before)).toEqual(['ActionRefused']);
    expect(offerIn(scenario)).toBeDefined();
    expect(scenario.command(takes()).kind).toBe('decided');
    expect(goalOf(scenario.state, named('pg2'))).toEqual({ kind: 'yield', epoch: 2 });
    scenario.releases('yielded').settle();
    expect(goalOf(scenario.state, named('pg2'))).toMatchObject({ copyAside: true });
  });
});

describe('a copy aside is not offered', () => {
  it.each([
    ['of another database', { aside: { systemIdentifier: '42' } }],
    ['of a timeline that is none of the history', { aside: { position: walAt(7, 60n) } }],
    ['where there is no guard that could hold the lease', { guard: null }],
  ])('%s', (_what, { aside, ...change }: { aside?: object; guard?: null }) => {
    const scenario = lostWhileRebuilt();
    const wrong = { ...asideAt(1, 60n).aside, ...aside } as never;
    scenario
      .hears('pg2', { ...change, aside: wrong })
      .later(20_000)
      .settle();
    expect(offerIn(scenario)).toBeUndefined();
    expect(scenario.command(takes())).toMatchObject({
      ...{ kind: 'refused', refusals: [{ rule: 'no-copy-aside' }] },
    });
  });

  it('and not taken while its member can serve with what lies in its place', () => {
    const scenario = lostWhileRebuilt({ settings: { maximumLagOnFailoverBytes: 5n } });
    const own = { dataDirectory: dataOn(1), detached: detachedAt(1, 1, 90n) } as const;
    scenario
      .hears('pg2', { ...own, postgres: standbyAt(1, 90n, false) })
      .later(20_000)
      .settle();
    expect(offerIn(scenario)).toBeUndefined();
    expect(scenario.last('ActionRefused').refusals).toContainEqual(
      expect.objectContaining({ instance: 'pg2', rule: 'lag' }),
    );
    expect(scenario.command(takes(true))).toMatchObject({
      ...{ kind: 'refused', refusals: [{ rule: 'candidate-left' }] },
    });
  });

  it('nor while a primary holds its lease', () => {
    const scenario = runningCluster();
    scenario.hears('pg2', { dataDirectory: UNFINISHED, ...asideAt(1, 60n) }).settle();
    scenario.hears('pg1', { postgres: primaryOn(1) });
    expect(scenario.command(takes(true))).toMatchObject({
      ...{ kind: 'refused', refusals: [{ rule: 'primary-serves' }] },
    });
  });

  it('nor without a word on the loss where every acknowledged commit is kept', () => {
    const scenario = lostWhileRebuilt({ settings: { synchronousMode: 'quorum' } });
    expect(offerIn(scenario)?.limit).toContain('--accept-loss');
    expect(scenario.command(takes())).toMatchObject({
      ...{ kind: 'refused', refusals: [{ rule: 'commits-not-assured' }] },
    });
    expect(scenario.command(takes(true)).kind).toBe('decided');
  });

  it('nor to nobody in particular', () => {
    expect(lostWhileRebuilt().command({ ...takes(), to: null })).toMatchObject({
      ...{ kind: 'refused', refusals: [{ rule: 'no-copy-aside' }] },
    });
  });
});
