import { expect, it } from 'vitest';
import type { DataDirectory } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { runningCluster } from '#libs/testing';
import { rebuildStateOf } from './rebuild-view.ts';

const pg2 = instanceName('pg2');

/** Ordered before what lies there became what it is now. */
function shown(dataDirectory: DataDirectory) {
  const scenario = runningCluster();
  const how = { method: null, from: null, force: false };
  scenario.command({ type: 'rebuild', instance: pg2, ...how });
  scenario.hears('pg2', { postgres: { kind: 'stopped' }, dataDirectory });
  const report = scenario.observations.instances['pg2']?.report;
  return report == null ? null : rebuildStateOf(scenario.state, report);
}

it('an ordered rebuild shows as one, but where its agent would touch nothing', () => {
  expect(shown({ kind: 'empty' })).toBe('rebuilding');
  expect(shown({ kind: 'unusable', why: 'it belongs to PostgreSQL 14' })).toBeNull();
});
