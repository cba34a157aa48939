import { describe, expect, it } from 'vitest';
import { type ClusterState, DEFAULT_SETTINGS, emptyState, type Operation } from '#libs/cluster';
import { clusterName, epoch, epochMs, guardIncarnation, instanceName } from '#libs/kernel';
import type { RaftStatus } from '#libs/raft';
import { betterPlaced } from './leader-placement.ts';

const users = { superuser: 'a', replicationUser: 'b', rewindUser: 'c', parameters: {}, pgHba: [] };
const pg1 = instanceName('pg1');

function withPrimaryOn(host: string, operation: Operation = { kind: 'none' }): ClusterState {
  const state = emptyState(clusterName('main'), DEFAULT_SETTINGS, users);
  const tags = { noFailover: false, noLoadBalance: false, failoverPriority: 1 };
  const member = { name: pg1, postgres: { host, port: 5432 }, agent: { host, port: 8008 }, tags };
  const guard = guardIncarnation('guard-of-pg1');
  return {
    ...state,
    members: { pg1: member },
    lease: { ...state.lease, kind: 'Held', epoch: epoch(1), holder: pg1, guard } as never,
    operation,
  };
}

function leading(over: Partial<RaftStatus['peers'][number]> = {}): RaftStatus {
  const peer = (id: number, matchIndex: number) =>
    ({
      ...{ id, state: 'replicate' as const, matchIndex, nextIndex: 101 },
      ...{ recentlyActive: true, inflightAppends: 0, writeStallMs: 0, diskKeepsUp: true },
    }) as const;
  const members = [1, 2, 3].map((id) => ({ id, name: `c${id}`, address: `10.0.0.${id}:7400` }));
  return {
    ...{
      self: 1,
      role: 'leader',
      why: 'a majority voted for it',
      term: 3,
      vote: 1,
      leader: 1,
      serving: true,
    },
    ...{ commitIndex: 100, appliedIndex: 100, durableIndex: 100, lastIndex: 100, firstIndex: 1 },
    ...{ appendRejects: 0, diskKeepsUp: true },
    membership: { members, voters: [1, 2, 3], outgoing: [], learners: [] },
    peers: [{ ...peer(2, 100), ...over }, peer(3, 99)],
  };
}

const bootstrapping = { kind: 'bootstrap', initialiser: pg1, startedAt: epochMs(0) } as const;

describe('where the leader should be', () => {
  it.each([
    { given: 'no primary here', states: [withPrimaryOn('10.0.0.9')], to: null },
    { given: 'a primary here', states: [withPrimaryOn('10.0.0.1')], to: 2 },
    {
      given: 'primaries here and on the best placed host',
      states: [withPrimaryOn('10.0.0.1'), withPrimaryOn('10.0.0.2')],
      to: 3,
    },
    {
      given: 'primaries everywhere',
      states: ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((host) => withPrimaryOn(host)),
      to: null,
    },
    {
      given: 'an operation under way',
      states: [withPrimaryOn('10.0.0.1', bootstrapping)],
      to: null,
    },
  ])('with $given: $to', ({ states, to }) => {
    expect(betterPlaced(leading(), states)).toBe(to);
  });

  it.each([
    { what: 'does not answer', over: { recentlyActive: false } },
    { what: 'has a stalled disk', over: { diskKeepsUp: false } },
    { what: 'is behind', over: { matchIndex: 10 } },
    { what: 'is fed a snapshot', over: { state: 'snapshot' as const } },
  ])('passes over a voter that $what', ({ over }) => {
    expect(betterPlaced(leading(over), [withPrimaryOn('10.0.0.1')])).toBe(3);
  });
});
