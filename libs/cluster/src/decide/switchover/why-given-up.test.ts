import { describe, expect, it } from 'vitest';
import { named, runningCluster, type Scenario, standbyAt, walAt } from '#libs/testing';
import type { AgentReport } from '../../report.ts';

describe('why a switchover was given up', () => {
  it('is the word of the primary, also when nothing was stopped', () => {
    const scenario = ordered();
    const handOverRefused = 'PostgreSQL ended by itself, without its shutdown checkpoint';
    const actedVersion = scenario.state.version;
    scenario.hears('pg1', { abandonedHandOver: 1 as never, handOverRefused, actedVersion });
    scenario.settle();
    expect(reasonOf(scenario)).toBe(`pg1 serves on: ${handOverRefused}`);
  });

  it('is what an agent is at, or fails at, when a minute has passed', () => {
    const after = (said: Partial<AgentReport>): string =>
      reasonOf(ordered().hears('pg1', said).later(60_001));
    const problem = 'handOver: the checkpoint failed: disk full';
    expect(after({ problem })).toBe(`pg1 was not stopped within 60 s: ${problem}`);
    const activity = 'checkpoint before the switchover';
    expect(after({ activity })).toBe(`pg1 was not stopped within 60 s: ${activity}`);
    expect(after({})).toBe('pg1 was not stopped within 60 s: its agent does not say why');
  });

  it('is that the target is lost while the primary still serves', () => {
    const lost = ordered().silent('pg3');
    expect(reasonOf(lost)).toBe('pg3 is not heard any more, and pg1 serves on');
  });

  it('is the position that the target has, and the one that it lacks', () => {
    const lacks = "pg3 had not the end of pg1's WAL, 0/96, within 2000 ms";
    expect(afterTheStop(standbyAt(1, 120n))).toBe(`${lacks}: it has 0/78`);
    expect(afterTheStop({ kind: 'stopped' })).toBe(`${lacks}: its PostgreSQL is stopped`);
    const untold = afterTheStop(standbyAt(1, 120n), null);
    expect(untold).toBe('pg1 ended without saying where its WAL ends');
  });
});

/** A switchover from pg1 to pg3 was ordered, and nothing done yet. */
function ordered(): Scenario {
  const scenario = runningCluster();
  scenario.command({ type: 'switchover', to: named('pg3') });
  return scenario;
}

/** pg1 has stopped at `end`; pg3 is like that two seconds later. */
function afterTheStop(postgres: AgentReport['postgres'], end: bigint | null = 150n): string {
  const scenario = ordered();
  scenario.releases('hand-over', end === null ? null : walAt(1, end));
  return reasonOf(scenario.hears('pg3', { postgres }).later(2_001));
}

function reasonOf(scenario: Scenario): string {
  scenario.settle();
  return scenario.last('SwitchoverAbandoned').reason;
}
