import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentReport, ClusterState } from '#libs/cluster';
import { clusterName, guardIncarnation, instanceName, monotonicMs } from '#libs/kernel';
import { CappedTime } from '#libs/lease';
import { type Bearer, NAME_KEPT_MS, NameClaims } from './name-claims.ts';

const TURN_MS = 100;
const pg2 = { cluster: clusterName('main'), instance: instanceName('pg2') };

type Report = Pick<AgentReport, 'agentEndpoint' | 'postgresEndpoint' | 'guard'>;

function reportFrom(host: string, incarnation = 'g1'): Report {
  const guard = { incarnation: guardIncarnation(incarnation), epoch: null, remainingMs: null };
  return {
    agentEndpoint: { host, port: 8_008 },
    postgresEndpoint: { host, port: 5_432 },
    guard,
  } as Report;
}

function bearerOn(host: string, incarnation = `of ${host}`) {
  const link = { up: true };
  const bearer: Bearer = { incarnation, host, isConnected: () => link.up };
  return { link, bearer };
}

/** What the cluster knows of pg2; the rest of a state is of no interest here. */
function knownAt(host: string, lease: object = { kind: 'NeverGranted' }): ClusterState {
  const { agentEndpoint: agent, postgresEndpoint: postgres } = reportFrom(host);
  return { lease, members: { pg2: { agent, postgres } } } as unknown as ClusterState;
}

let nowMs: number;
let time: CappedTime;
let claims: NameClaims;

beforeEach(() => {
  nowMs = 1_000;
  time = new CappedTime(TURN_MS, monotonicMs(nowMs));
  claims = new NameClaims(time, monotonicMs(nowMs));
});

function pass(ms: number): void {
  for (let passed = 0; passed < ms; passed += TURN_MS) {
    nowMs += TURN_MS;
    time.turn(monotonicMs(nowMs), true);
  }
}

function claim(host: string, bearer: Bearer, state: ClusterState | null = null, guard = 'g1') {
  claims.claim(state, pg2, reportFrom(host, guard), bearer, monotonicMs(nowMs));
}

describe('two agents with one name', () => {
  it('the second is refused, and told of both; the first goes on', () => {
    const [first, second] = [bearerOn('10.0.0.2'), bearerOn('10.0.0.5')];
    claim('10.0.0.2', first.bearer);
    const why =
      /'main\/pg2'.*10\.0\.0\.5:8008.*PostgreSQL 10\.0\.0\.5:5432.*10\.0\.0\.2:8008.*another 'instance'/;
    expect(() => claim('10.0.0.5', second.bearer)).toThrow(why);
    expect(() => claims.check(pg2, second.bearer)).toThrow(/10\.0\.0\.5.*10\.0\.0\.2:8008/);
    claim('10.0.0.2', first.bearer);
    claims.check(pg2, first.bearer);
    expect(claims.problem('main', 'pg2')).toContain('10.0.0.5:8008');
    expect(claims.problem('main', 'pg1')).toBeNull();
    pass(NAME_KEPT_MS + TURN_MS);
    expect(claims.problem('main', 'pg2')).toBeNull();
  });

  it.each([
    ['its link has ended', 'ended'],
    ['it was silent for long', 'silent'],
  ] as const)('the name goes to the second once of the first %s', (_what, how) => {
    const [first, second] = [bearerOn('10.0.0.2'), bearerOn('10.0.0.5')];
    claim('10.0.0.2', first.bearer);
    if (how === 'ended') first.link.up = false;
    else pass(NAME_KEPT_MS + TURN_MS);
    claims.check(pg2, second.bearer);
    claim('10.0.0.5', second.bearer);
    first.link.up = true;
    expect(() => claim('10.0.0.2', first.bearer)).toThrow('borne by two agents');
  });

  it('a new start in the same place is no second agent, though the former link still seems up', () => {
    const former = bearerOn('10.0.0.2', 'before');
    const next = bearerOn('10.0.0.2', 'after');
    claim('10.0.0.2', former.bearer);
    claims.check(pg2, next.bearer);
    claim('10.0.0.2', next.bearer);
    expect(claims.problem('main', 'pg2')).toBeNull();
  });

  it('a new leader hears a stranger first: the known address is awaited, and wins later too', () => {
    const state = knownAt('10.0.0.2');
    const [first, second] = [bearerOn('10.0.0.2'), bearerOn('10.0.0.5')];
    expect(() => claim('10.0.0.5', second.bearer, state)).toThrow(/was at agent 10\.0\.0\.2:8008/);
    pass(NAME_KEPT_MS + TURN_MS);
    claim('10.0.0.5', second.bearer, state);
    claim('10.0.0.2', first.bearer, state);
    expect(() => claim('10.0.0.5', second.bearer, state)).toThrow('borne by two agents');
  });

  it('copies with the very same addresses: the guard that holds the lease tells them apart', () => {
    const state = knownAt('10.0.0.2', { kind: 'Held', holder: 'pg2', guard: 'g1' });
    const [copy, first] = [bearerOn('10.0.0.5'), bearerOn('10.0.0.2')];
    claim('10.0.0.2', copy.bearer, state, 'g2');
    claim('10.0.0.2', first.bearer, state, 'g1');
    expect(() => claim('10.0.0.2', copy.bearer, state, 'g2')).toThrow('linked from 10.0.0.5');
  });
});
