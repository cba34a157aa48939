import { beforeEach, describe, expect, it } from 'vitest';
import { dataOn, detachedAfter, type Scenario, standbyAt, standbyCluster } from '#libs/testing';

const NAMES = ['dr1', 'dr2', 'dr3'];
/** The remote's timeline 2, which left 1 at 450. */
const LEFT = dataOn(2, [[1, 450n]]);

/** Promoted with ids left free for the remote; the chosen one ends before it takes its own. */
describe('given the remote changed its primary unheard, and the one promoted in its place died', () => {
  let scenario: Scenario;

  beforeEach(() => {
    scenario = standbyCluster(NAMES);
    scenario.command({ type: 'promoteCluster', lastWritten: null, acceptUnknown: true });
  });

  it('records the timeline that all stand on, and grants to one of them', () => {
    everybodyIsOn(2);
    loseHolder();
    expect(scenario.settle()).toContain('record-left-remote');
    for (const name of NAMES.slice(1)) {
      scenario.hears(name, { detached: detachedAfter(3_600, 1, 2, 500n) });
    }
    scenario.settle();
    const { lease, history } = scenario.state;
    expect(history.map(({ timeline }) => timeline)).toEqual([1, 2]);
    expect(lease).toMatchObject({ kind: 'Held', reason: 'failover' });
  });

  it('records none of an id that the promotion did not leave free', () => {
    const { lease } = scenario.state;
    const granted = lease.kind === 'NeverGranted' ? 0 : lease.timeline;
    for (const name of NAMES) {
      const dataDirectory = dataOn(granted + 1, [[1, 450n]]);
      scenario.hears(name, { dataDirectory, postgres: standbyAt(granted + 1, 500n, false) });
    }
    loseHolder();
    scenario.settle();
    expect(scenario.state.history.map(({ timeline }) => timeline)).toEqual([1]);
  });

  function everybodyIsOn(timeline: number): void {
    for (const name of NAMES) {
      scenario.hears(name, { dataDirectory: LEFT, postgres: standbyAt(timeline, 500n, false) });
    }
  }

  function loseHolder(): void {
    const { lease } = scenario.state;
    if (lease.kind === 'Held') scenario.silent(lease.holder);
    scenario.with({ lease: { silentMs: 3_161, expiryDue: true } });
  }
});
