import { expect, it } from 'vitest';
import type { AgentReport, ClusterEvent, RebuildMethod } from '#libs/cluster';
import { Metrics } from '#libs/observability';
import { named, reportOf, runningCluster, standbyAt } from '#libs/testing';
import { collectView } from './agent-metrics.ts';

const failed = (method: RebuildMethod, remaining: number) =>
  ({
    type: 'RebuildMethodFailed',
    instance: named('pg2'),
    method,
    reason: 'no',
    remaining,
  }) as const;
const ordered: ClusterEvent = {
  type: 'RebuildStarted',
  instance: named('pg2'),
  trigger: 'operator',
  reason: 'asked',
  methods: ['pgbackrest', 'basebackup'],
  from: null,
  force: false,
};

async function needed(
  scenario: ReturnType<typeof runningCluster>,
  change: Partial<AgentReport> = {},
): Promise<boolean> {
  const metrics = new Metrics('agent');
  collectView(metrics, {
    report: { ...reportOf('pg2'), postgres: { kind: 'stopped' }, ...change },
    state: scenario.state,
    ...{ lookAgeMs: 50, leaseRemainingMs: null, goal: null, noLoadBalance: false, tags: {} },
    connectedControllers: 3,
    clientsKeptOut: false,
  });
  return /^matriarch_rebuild_needed 1$/m.test(await metrics.text());
}

it('an instance needs a rebuild from the last failed method on, until it streams', async () => {
  const scenario = runningCluster();
  expect(await needed(scenario)).toBe(false);
  scenario.record([ordered, failed('pgbackrest', 1)]);
  expect(await needed(scenario)).toBe(false);
  scenario.record([failed('basebackup', 0)]);
  expect(await needed(scenario)).toBe(true);
  expect(await needed(scenario, { postgres: standbyAt(1, 100n) })).toBe(false);
  scenario.record([ordered]);
  expect(await needed(scenario)).toBe(false);
  scenario.record([{ type: 'RebuildCancelled', instance: named('pg2') }]);
  expect(await needed(scenario)).toBe(true);
});
