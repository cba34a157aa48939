import { describe, expect, it } from 'vitest';
import { epoch } from '#libs/kernel';
import {
  holding,
  hostLost,
  isDetached,
  keepsUp,
  nameOf,
  primarySees,
  primaryVanishes,
  probesOf,
  readyStandby,
  syncCluster,
  tellsThatItServes,
} from '#libs/testing';
import { admit } from '../../admit.ts';
import { goalOf } from '../../goal-of.ts';

const relied = (scenario: ReturnType<typeof syncCluster>) => {
  const set = scenario.state.sync?.committed;
  return set === null || set === undefined
    ? null
    : `${set.count} of ${set.members.map(({ instance }) => instance).join(' ')}`;
};

describe('what commits wait for', () => {
  it('nobody at first; then all that stream, relied on only once they have caught up', () => {
    const scenario = syncCluster();
    expect(relied(scenario)).toBe('1 of pg2 pg3');
    expect(scenario.last('LeaseGranted').synchronous).toEqual({
      ...{ method: 'first', names: [], count: 0 },
    });
    const sync = scenario.types.filter((type) => type.startsWith('Sync'));
    // The first setting, then the first order, are proved before the next thing is done.
    expect(sync).toEqual([
      'SyncSettingConfirmed',
      'SyncSettingOrdered',
      'SyncSettingConfirmed',
      'SyncSetCommitted',
    ]);
  });

  it('a setting that is not proved to be in force everywhere is never relied on', () => {
    const scenario = syncCluster({ synchronousNodeCount: 2 });
    const flushed = { pg2: 100n };
    scenario.silent('pg3');
    scenario.hears('pg1', { postgres: primarySees(scenario, { flushed }) }).settle();
    const { order } = scenario.last('SyncSettingOrdered');
    scenario.hears('pg1', { postgres: primarySees(scenario, { flushed, proved: false }) });
    expect(scenario.settle()).toEqual([]);
    expect(scenario.state.sync).toMatchObject({ order, confirmedAt: null });
  });

  it('a member that has not flushed what was acknowledged before is not relied on yet (2)', () => {
    const scenario = syncCluster();
    scenario.silent('pg3');
    keepsUp(scenario, { pg2: 100n });
    expect(relied(scenario)).toBe('1 of pg2');
    scenario.hears('pg3');
    // Back and streaming, but behind where the primary stood when all of PostgreSQL had reloaded.
    keepsUp(scenario, { pg2: 100n, pg3: 80n });
    expect(scenario.state.sync?.ordered.names).toHaveLength(2);
    expect(relied(scenario)).toBe('1 of pg2 pg3');
  });

  it.each([
    { why: 'says nothing any more', flushed: { pg2: 100n }, silent: true },
    { why: 'lags', flushed: { pg2: 200_000_000n, pg3: 100n }, silent: false },
  ])('a standby that $why leaves the set and comes back', ({ flushed, silent }) => {
    const scenario = syncCluster();
    if (silent) scenario.silent('pg3');
    const written = Object.values(flushed)[0] ?? 0n;
    for (let round = 0; round < 6; round += 1) {
      const postgres = primarySees(scenario, { flushed, written });
      scenario.hears('pg1', { postgres }).settle();
    }
    expect(relied(scenario)).toBe('1 of pg2');
    expect(scenario.state.sync?.ordered.names).toEqual([nameOf('pg2')]);
    scenario.hears('pg3');
    keepsUp(scenario, { pg2: 100n, pg3: 100n });
    expect(relied(scenario)).toBe('1 of pg2 pg3');
  });

  it('goes on alone when no standby is left, and relies on nobody before that', () => {
    const scenario = syncCluster().silent('pg2').silent('pg3');
    keepsUp(scenario, {});
    expect(relied(scenario)).toBeNull();
    expect(scenario.state.sync?.ordered).toMatchObject({ count: 0 });
    const committed = scenario.types.lastIndexOf('SyncSetCommitted');
    expect(committed).toBeLessThan(scenario.types.lastIndexOf('SyncSettingOrdered'));
  });

  it('strict: goes on waiting instead', () => {
    const scenario = syncCluster({ synchronousStrict: true });
    expect(scenario.log.find((event) => event.type === 'LeaseGranted')).toMatchObject({
      synchronous: { names: [], count: 1 },
    });
    scenario.silent('pg2').silent('pg3');
    keepsUp(scenario, {});
    expect(relied(scenario)).toBe('1 of pg2 pg3');
  });

  it('a new leader that has not heard everybody drops nobody (24)', () => {
    const scenario = syncCluster().with({ servingForMs: 100 });
    const { instances } = scenario.observations;
    const unheard = { report: null, reportAgeMs: null, guard: null };
    scenario.with({ instances: { ...instances, pg3: unheard } });
    scenario.hears('pg1', { postgres: primarySees(scenario, { flushed: { pg2: 100n } }) });
    expect(scenario.settle()).toEqual([]);
    scenario.with({ servingForMs: 3_000 });
    expect(scenario.settle()).toContain('keep-sync-set');
  });

  it('priority: the highest syncPriority, never one tagged noSync or noFailover', () => {
    const scenario = syncCluster({ synchronousMode: 'priority' });
    expect(relied(scenario)).toBe('1 of pg2');
    const tags = { noFailover: false, noLoadBalance: false, failoverPriority: 0 };
    scenario.hears('pg3', { tags: { ...tags, syncPriority: 9 } });
    keepsUp(scenario, { pg2: 100n, pg3: 100n });
    expect(relied(scenario)).toBe('1 of pg3');
    scenario.hears('pg3', { tags: { ...tags, noSync: true, syncPriority: 9 } });
    keepsUp(scenario, { pg2: 100n, pg3: 100n });
    expect(relied(scenario)).toBe('1 of pg2');
    scenario.hears('pg2', { tags: { ...tags, noFailover: true } });
    keepsUp(scenario, { pg2: 100n, pg3: 100n });
    expect(relied(scenario)).toBeNull();
  });
});

describe('one walsender per name (14)', () => {
  it.each([
    { why: 'two under one name', sees: { twice: 'pg3' } },
    { why: "one from another's address", sees: { from: { pg3: '10.0.0.9' } } },
    { why: 'one from an address that its host name has not', sees: { foreign: 'pg3' } },
  ])('$why: the member leaves the set', ({ sees }) => {
    const scenario = syncCluster();
    scenario.hears('pg3', { postgresEndpoint: { host: '10.0.0.3', port: 5432 } }).settle();
    for (let round = 0; round < 6; round += 1) {
      const options = { flushed: { pg2: 100n, pg3: 100n }, ...sees };
      scenario.hears('pg1', { postgres: primarySees(scenario, options) }).settle();
    }
    expect(relied(scenario)).toBe('1 of pg2');
  });

  it('in mode priority the first who comes after a promotion is waited for, not one that is away', () => {
    const scenario = syncCluster({ synchronousMode: 'priority' });
    primaryVanishes(scenario).settle();
    isDetached(scenario, 'pg2', 99n);
    isDetached(scenario, 'pg3', 100n).settle();
    isDetached(scenario, 'pg2', 100n);
    expect(scenario.last('LeaseGranted')).toMatchObject({ epoch: 2 });
    const { holder } = scenario.last('LeaseGranted');
    const other = holder === 'pg3' ? 'pg2' : 'pg3';
    const begunWith = scenario.state.sync?.ordered.names;
    expect(begunWith).toEqual([nameOf('pg1'), nameOf(other)]);
    // The lost primary is back and starting, and nobody streams yet: what the promotion began with stays.
    scenario.hears('pg1', { postgres: { kind: 'starting', progress: null, sinceMs: 0 } });
    tellsThatItServes(scenario, holder, 2, 2).settle();
    scenario.hears(holder, { postgres: primarySees(scenario, { flushed: {} }, 2) }).settle();
    expect(scenario.state.sync?.ordered.names).toEqual(begunWith);
    const flushed = { [other]: 100n };
    scenario.hears(holder, { postgres: primarySees(scenario, { flushed }, 2) }).settle();
    expect(scenario.state.sync?.ordered).toEqual({
      ...{ method: 'first', names: [nameOf(other)], count: 1 },
    });
  });

  it('a copy made anew is another member: its old name is not counted on', () => {
    const scenario = syncCluster();
    scenario.hears('pg3', { replicationName: 'demo/pg3/ffff' });
    keepsUp(scenario, { pg2: 100n });
    expect(scenario.state.sync?.ordered.names).toEqual([nameOf('pg2')]);
  });
});

describe('data fencing', () => {
  it('promotes without waiting for the lease, once enough of the set are detached', () => {
    const scenario = primaryVanishes(syncCluster());
    expect(scenario.settle()).toEqual(['suspect-primary']);
    expect(goalOf(scenario.state, 'pg2' as never)).toMatchObject({
      ...{ kind: 'detached', throughEpoch: 1 },
    });
    isDetached(scenario, 'pg2', 99n);
    expect(scenario.settle()).toEqual([]);
    isDetached(scenario, 'pg3', 100n);
    expect(scenario.settle()).toEqual(['fence-by-data']);
    expect(scenario.types.slice(-2)).toEqual(['LeaseFenced', 'LeaseGranted']);
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg3', epoch: 2 });
    expect(scenario.last('LeaseGranted').synchronous?.names).not.toContain(nameOf('pg3'));
    expect(relied(scenario)).toBeNull();
  });

  it('one detached is enough where commits wait for both', () => {
    const scenario = primaryVanishes(syncCluster({ synchronousNodeCount: 2 }));
    scenario.settle();
    isDetached(scenario, 'pg2', 95n);
    expect(scenario.settle()).toEqual(['fence-by-data']);
    expect(scenario.types.slice(-2)).toEqual(['LeaseFenced', 'LeaseGranted']);
    expect(scenario.last('LeaseFenced').members).toHaveLength(1);
  });

  it.each([
    { why: 'renewals are not missing for long enough', silentMs: 700, probes: {} },
    { why: 'its guard still answers the standbys', silentMs: 850, probes: { guardAnswered: true } },
    { why: 'PostgreSQL answers', silentMs: 850, probes: { postgresAnswered: true } },
    { why: 'the probes are old', silentMs: 850, probes: { ageMs: 900 } },
    { why: 'the probes are of another epoch', silentMs: 850, probes: { epoch: epoch(9) } },
  ])('does not begin while $why', ({ silentMs, probes }) => {
    const scenario = primaryVanishes(syncCluster(), silentMs);
    for (const name of ['pg2', 'pg3']) scenario.hears(name, probesOf(epoch(1), probes));
    expect(scenario.settle()).toEqual([]);
  });

  it('does not begin without probes, or when those who are heard are too few', () => {
    const blind = primaryVanishes(syncCluster());
    for (const name of ['pg2', 'pg3']) blind.hears(name, { probes: null });
    expect(blind.settle()).toEqual([]);
    expect(primaryVanishes(syncCluster()).silent('pg3').settle()).toEqual([]);
  });

  it('a receiver that was reset tells as much as silence', () => {
    const scenario = primaryVanishes(syncCluster());
    for (const name of ['pg2', 'pg3']) {
      scenario.hears(name, probesOf(epoch(1), { receiverReset: true, agentAnswered: true }));
    }
    expect(scenario.settle()).toEqual(['suspect-primary']);
  });

  it('a primary that renews again before the fence ends the saga, and standbys go back (5)', () => {
    const scenario = primaryVanishes(syncCluster());
    scenario.settle();
    isDetached(scenario, 'pg2', 100n);
    const guard = holding('pg1', 1);
    scenario
      .hearsGuard('pg1', { ...guard, postmaster: 'running', ageMs: 50, agentAbsentMs: 0 })
      .with({ lease: { silentMs: 50, expiryDue: false } });
    expect(scenario.settle()).toContain('abandon-failover');
    expect(goalOf(scenario.state, 'pg2' as never)).toMatchObject({
      ...{ kind: 'standby', promiseReleased: true },
    });
    // It said "detached" before it went back: that fences nothing in the next failover.
    scenario.hearsGuard('pg1', null);
    primaryVanishes(scenario);
    expect(scenario.settle()).toEqual(['suspect-primary']);
    const stale = scenario.state.version - 1;
    for (const name of ['pg2', 'pg3'])
      isDetached(scenario, name, 100n).hears(name, { actedVersion: stale });
    expect(scenario.settle()).toEqual([]);
    for (const name of ['pg2', 'pg3']) isDetached(scenario, name, 100n);
    expect(scenario.settle()).toContain('fence-by-data');
  });

  it('a new leader that has heard no renewal does not take its own beginning for one', () => {
    const scenario = primaryVanishes(syncCluster());
    scenario.settle();
    scenario.with({ lease: { silentMs: 0, expiryDue: false } });
    expect(scenario.settle()).toEqual([]);
  });

  it('a dead postmaster is failed over at once: the holder gives up while standbys detach', () => {
    const scenario = syncCluster();
    const guard = holding('pg1', 1);
    scenario.hearsGuard('pg1', { ...guard, postmaster: 'down', ageMs: 10, agentAbsentMs: 0 });
    expect(scenario.settle()).toEqual(['fail-over-down']);
    expect(goalOf(scenario.state, 'pg1' as never)).toEqual({ kind: 'yield', epoch: 1 });
    expect(goalOf(scenario.state, 'pg3' as never)).toMatchObject({ kind: 'detached' });
    isDetached(isDetached(scenario, 'pg2', 100n), 'pg3', 100n);
    expect(scenario.settle()).toEqual(['fence-by-data']);
    expect(scenario.types.slice(-2)).toEqual(['LeaseFenced', 'LeaseGranted']);
  });
});

describe('what is admitted', () => {
  const fence = (names: readonly string[]) => ({
    type: 'LeaseFenced' as const,
    epoch: epoch(1),
    members: names.map((instance) => ({
      instance: instance as never,
      name: nameOf(instance),
      position: { timeline: 1 as never, lsn: 100n as never },
    })),
  });

  it.each([
    { names: ['pg2'], why: '1 are detached, 2 must be' },
    { names: ['pg2', 'pg2'], why: 'named twice' },
    { names: ['pg1', 'pg2'], why: 'not in the set' },
  ])('no fence by $names', ({ names, why }) => {
    expect(admit(syncCluster().state, fence(names))).toContain(why);
  });

  it('a fence by |S| - k + 1, and after it a grant', () => {
    const { state } = syncCluster();
    expect(admit(state, fence(['pg2', 'pg3']))).toBeNull();
  });

  it('no set, and no order, that breaks the arithmetic (2)', () => {
    const { state } = syncCluster();
    const [pg2, pg3] = ['pg2', 'pg3'].map((instance) => ({
      instance: instance as never,
      name: nameOf(instance),
    }));
    if (pg2 === undefined || pg3 === undefined) throw new Error('no members');
    const common = { epoch: epoch(1), positions: [] };
    const set = (members: readonly (typeof pg2)[], count: number) =>
      admit(state, { type: 'SyncSetCommitted', ...common, set: { members, count } });
    expect(set([pg2], 1)).toContain('could miss');
    expect(set([pg2, pg3], 2)).toContain('could miss');
    expect(set([pg2, pg3], 1)).toBeNull();
    const order = (names: readonly string[], count: number) =>
      admit(state, {
        type: 'SyncSettingOrdered',
        ...{ epoch: epoch(1), order: (state.sync?.order ?? 0) + 1 },
        setting: { method: 'any', names, count },
      });
    expect(order([], 0)).toContain('could miss');
    expect(order([nameOf('pg2'), nameOf('pg9')], 1)).toContain('could miss');
    expect(order([nameOf('pg2')], 1)).toBeNull();
  });
});

describe('who may take over', () => {
  it('with the lease over too: only by the arithmetic, however far the primary had written', () => {
    const scenario = hostLost(syncCluster(), 'pg1');
    scenario.with({ lastKnown: { timeline: 1 as never, lsn: 50_000_000n as never, ageMs: 10 } });
    scenario.silent('pg3');
    expect(scenario.settle()).toContain('expire-lease');
    isDetached(scenario, 'pg2', 100n);
    scenario.later(1_500).settle();
    expect(scenario.last('ActionRefused').refusals).toContainEqual(
      expect.objectContaining({ instance: 'pg2', rule: 'commits-not-assured' }),
    );
    isDetached(scenario, 'pg3', 100n);
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
  });

  it('an operator may override for this one decision', () => {
    const scenario = hostLost(syncCluster(), 'pg1').silent('pg3');
    scenario.settle();
    isDetached(scenario, 'pg2', 100n);
    scenario.later(1_500).settle();
    scenario.command({ type: 'failover', to: null, acceptLoss: true });
    isDetached(scenario, 'pg2', 100n);
    scenario.later(1_500).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg2', epoch: 2 });
  });

  it('nobody while nobody is relied on, except the last primary itself', () => {
    const scenario = syncCluster().silent('pg2').silent('pg3');
    keepsUp(scenario, {});
    scenario.hears('pg2').hears('pg3');
    hostLost(scenario, 'pg1').settle();
    isDetached(isDetached(scenario, 'pg2', 100n), 'pg3', 100n);
    scenario.later(1_500).settle();
    expect(scenario.last('ActionRefused').refusals[0]).toMatchObject({ rule: 'not-heard' });
    scenario.hears('pg1', {
      guard: { ...holding('pg1', 1), epoch: null },
      postgres: { kind: 'stopped' },
    });
    isDetached(scenario, 'pg1', 120n).settle();
    expect(scenario.last('LeaseGranted')).toMatchObject({ holder: 'pg1', epoch: 2, timeline: 1 });
    expect(scenario.last('LeaseGranted').synchronous).toEqual(scenario.state.sync?.ordered);
  });

  it('nobody whose own commits would wait for nobody yet, or for itself (15)', () => {
    const scenario = primaryVanishes(syncCluster({ synchronousNodeCount: 2 }));
    scenario.settle();
    const ready = readyStandby(scenario, 'pg2', 100n);
    if (ready.kind !== 'standby' || ready.synchronous === undefined) throw new Error('not ready');
    const { synchronous } = ready;
    isDetached(scenario, 'pg2', 100n).silent('pg3');
    scenario.hears('pg2', {
      postgres: { ...ready, synchronous: { ...synchronous, proved: false } },
    });
    expect(scenario.settle()).toEqual(['fence-by-data']);
    const itself = { method: 'any' as const, names: [nameOf('pg2')], count: 1 };
    const inForce = { ...synchronous, setting: itself };
    scenario.hears('pg2', { postgres: { ...ready, synchronous: inForce } });
    expect(scenario.settle()).toEqual([]);
    scenario.hears('pg2', { postgres: ready });
    expect(scenario.settle()).toEqual(['grant-to-candidate']);
  });

  it('a new primary is relied on alone until others have flushed what it was promoted with (15)', () => {
    const scenario = primaryVanishes(syncCluster());
    scenario.settle();
    isDetached(isDetached(scenario, 'pg2', 100n), 'pg3', 100n).settle();
    const { holder } = scenario.last('LeaseGranted');
    expect(holder).toBe('pg2');
    tellsThatItServes(scenario, 'pg2', 2, 2).settle();
    expect(scenario.types).toContain('FailoverCompleted');
    expect(relied(scenario)).toBeNull();
    hostLost(scenario, 'pg2').settle();
    isDetached(scenario, 'pg3', 100n, 2).later(1_500).settle();
    expect(scenario.last('ActionRefused').refusals).toContainEqual(
      expect.objectContaining({ instance: 'pg3', rule: 'commits-not-assured' }),
    );
  });
});
