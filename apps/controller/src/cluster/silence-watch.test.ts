import { describe, expect, it } from 'vitest';
import { type ClusterState, DEFAULT_SETTINGS, emptyState } from '#libs/cluster';
import { clusterName, epoch, guardIncarnation, instanceName } from '#libs/kernel';
import { SilenceWatch } from './silence-watch.ts';

const users = { superuser: 'a', replicationUser: 'b', rewindUser: 'c', parameters: {}, pgHba: [] };

/** pg1 holds the lease, unless `held` says otherwise. */
function clusterOf(name: string, held = true): ClusterState {
  const state = emptyState(clusterName(name), DEFAULT_SETTINGS, users);
  const tags = { noFailover: false, noLoadBalance: false, failoverPriority: 1 };
  const at = { host: '10.0.0.1', port: 5432 };
  const members = Object.fromEntries(
    ['pg1', 'pg2'].map((each) => {
      return [each, { name: instanceName(each), postgres: at, agent: at, tags }];
    }),
  );
  const guard = guardIncarnation('g');
  const lease = {
    ...state.lease,
    kind: 'Held',
    epoch: epoch(1),
    holder: instanceName('pg1'),
    guard,
  };
  return { ...state, members, lease: (held ? lease : state.lease) as ClusterState['lease'] };
}

function makeWatch() {
  const lines: string[] = [];
  const note = (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    lines.push([message, ...Object.values(fields)].join(' '));
  };
  let now = 0;
  const watch = new SilenceWatch({ info: note, warn: note, error: note }, () => now);
  const ages = { agent: new Map<string, number>(), guard: 0, term: 1, servingForMs: 60_000 };
  return {
    ages,
    look: (atMs: number, ...states: ClusterState[]): string[] => {
      now = atMs;
      const { term, servingForMs } = ages;
      const ears = {
        ...{ term, servingForMs, leaseSilentMs: () => ages.guard },
        reportAgeMs: (cluster: string, instance: string) =>
          ages.agent.get(`${cluster}/${instance}`) ?? ages.agent.get(instance) ?? null,
      };
      watch.look(ears, states);
      return lines.splice(0);
    },
  };
}

describe('an instance that falls silent', () => {
  it('is told once with what is silent and for how long, and once when it answers again', () => {
    const { ages, look } = makeWatch();
    const main = clusterOf('main');
    for (const name of ['pg1', 'pg2']) ages.agent.set(name, 300);
    expect(look(10_000, main)).toEqual([]);
    ages.guard = 1_600;
    expect(look(11_000, main)).toEqual(['instance fell silent main pg1 guard 1600']);
    ages.agent.set('pg1', 5_100);
    expect(look(12_000, main)).toEqual(['instance fell silent main pg1 agent 5100']);
    ages.agent.set('pg1', 6_100);
    expect(look(13_000, main)).toEqual([]);
    // Its lease is gone; nobody waits for that guard any more.
    expect(look(14_000, clusterOf('main', false))).toEqual([]);
    ages.agent.set('pg1', 100);
    expect(look(20_000, clusterOf('main', false))).toEqual([
      'instance answers again main pg1 agent 13100',
    ]);
    expect(look(21_000, clusterOf('main', false))).toEqual([]);
  });

  it('is not told by a leader that could not have heard it yet', () => {
    const { ages, look } = makeWatch();
    ages.servingForMs = 4_900;
    expect(look(4_900, clusterOf('main'))).toEqual([]);
    ages.servingForMs = 5_900;
    ages.agent.set('pg1', 300);
    expect(look(5_900, clusterOf('main'))).toEqual(['instance fell silent main pg2 agent 5900']);
    ages.term = 2;
    ages.servingForMs = 500;
    expect(look(6_900, clusterOf('main'))).toEqual([]);
  });

  it('with thousands of others is one line, and no second one in a minute', () => {
    const { ages, look } = makeWatch();
    const crowd = Array.from({ length: 3_000 }, (_each, at) => clusterOf(`c${at}`, false));
    const summary = (agents: number) =>
      `many instances fell silent ${agents} 0 c0/pg1,c0/pg2,c1/pg1,c1/pg2,c2/pg1 6000`;
    expect(look(10_000, ...crowd)).toEqual([summary(6_000)]);
    expect(look(11_000, ...crowd)).toEqual([]);
    for (const name of ['pg1', 'pg2']) ages.agent.set(name, 300);
    const back = 'many instances answer again 6000 0 c0/pg1,c0/pg2,c1/pg1,c1/pg2,c2/pg1 0';
    expect(look(12_000, ...crowd)).toEqual([back]);
    ages.agent.clear();
    expect(look(13_000, ...crowd)).toEqual([]);
    expect(look(80_000, ...crowd)).toEqual([summary(6_000)]);
  });

  it('a few a second are no flood either', () => {
    const { ages, look } = makeWatch();
    const some = Array.from({ length: 200 }, (_each, at) => clusterOf(`c${at}`, false));
    for (const name of ['pg1', 'pg2']) ages.agent.set(name, 300);
    const lines: string[] = [];
    for (let second = 0; second < 60; second += 1) {
      ages.agent.set(`c${second}/pg2`, 5_100);
      lines.push(...look(second * 1_000, ...some));
    }
    expect(lines).toHaveLength(11);
  });
});
