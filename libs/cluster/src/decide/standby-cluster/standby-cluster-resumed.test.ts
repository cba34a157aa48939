/**
 * The writing is turned from one cluster to another while another controller takes over after each single
 * event. It knows the log, and has heard of nobody; then everybody reports again.
 */
import { describe, expect, it } from 'vitest';
import {
  clusterPair,
  DR_REMOTE,
  dataOn,
  holding,
  MAIN_END,
  named,
  primaryOn,
  Scenario,
  standbyAt,
  stopMain,
} from '#libs/testing';
import { decide } from '../decide.ts';

/** Of either: a turn that was given up, or that became something else. */
const NEVER = ['ClusterDemotionAbandoned', 'FailoverStarted', 'LeaseExpired', 'SwitchoverStarted'];

/** Reports as they were last, to a leader that begins to serve now. */
function underAnotherLeader(scenario: Scenario): void {
  const { instances } = scenario.observations;
  const heard = Object.entries(instances);
  const lease = { silentMs: 0, expiryDue: false };
  const nothing = { sinceChangeMs: 0, sinceRefusalMs: null, lastKnown: null, lease };
  scenario.with({ ...nothing, servingForMs: 0, instances: {} });
  const alone = decide(scenario.input)?.events.map(({ type }) => type) ?? [];
  // What it has not heard is unknown: nothing is granted, given up or chosen on it.
  expect(alone.filter((type) => type !== 'ClusterDemoted')).toEqual([]);
  for (const [name, { report }] of heard) if (report !== null) scenario.hears(name, report);
}

/** Decides until nothing is left, and lets another leader go on after the event of that number. */
class Turn {
  #events = 0;

  constructor(readonly cutAfter: number) {}

  get events(): number {
    return this.#events;
  }

  settle(scenario: Scenario): void {
    for (let round = 0; round < 50; round += 1) {
      const decision = decide(scenario.input);
      if (decision === null) return;
      scenario.record(decision.events);
      this.recorded(scenario, decision.events.length);
    }
    throw new Error('the rules do not settle');
  }

  recorded(scenario: Scenario, count: number): void {
    const before = this.#events;
    this.#events += count;
    const within = this.cutAfter > before && this.cutAfter <= this.#events;
    if (within || this.cutAfter === Number.POSITIVE_INFINITY) underAnotherLeader(scenario);
  }
}

function turnedOver(cutAfter: number) {
  const { main, dr } = clusterPair();
  const turn = new Turn(cutAfter);
  const ordered = main.command({ type: 'demoteCluster', remote: DR_REMOTE, acceptUnknown: false });
  expect(ordered.kind).toBe('decided');
  turn.recorded(main, 1);
  turn.settle(main);
  stopMain(main);
  turn.recorded(main, 1);
  turn.settle(main);
  for (const name of ['dr1', 'dr2']) dr.hears(name, { postgres: standbyAt(1, 500n) });
  turn.settle(dr);
  const before = dr.log.length;
  const promoted = dr.command({
    type: 'promoteCluster',
    lastWritten: MAIN_END,
    acceptUnknown: false,
  });
  expect(promoted.kind).toBe('decided');
  turn.recorded(dr, dr.log.length - before);
  turn.settle(dr);
  const { timeline } = dr.last('LeaseGranted');
  const dataDirectory = dataOn(timeline, [[1, 500n]]);
  dr.hears('dr1', { guard: holding('dr1', 1), postgres: primaryOn(timeline), dataDirectory });
  turn.settle(dr);
  return { main, dr, events: turn.events };
}

describe('the turn of the writing to another cluster', () => {
  const uncut = turnedOver(0);

  it('has several events at which a controller may die', () => {
    expect(uncut.events).toBeGreaterThanOrEqual(6);
  });

  it.each([...Array.from({ length: uncut.events }, (_, at) => at + 1), Number.POSITIVE_INFINITY])(
    'goes on under another leader after event %s',
    (cutAfter) => {
      const { main, dr } = turnedOver(cutAfter);
      expect(main.state.lease).toMatchObject({ kind: 'Released', holder: 'pg1' });
      expect(main.state.operation).toEqual({ kind: 'none' });
      expect(main.state.following).toMatchObject({ remote: DR_REMOTE, stoppedAt: MAIN_END });
      expect(main.state.following?.leader).not.toBeNull();
      expect(dr.state.following).toBeUndefined();
      expect(dr.state.lease).toMatchObject({ kind: 'Held', holder: named('dr1'), serving: true });
      expect([...main.types, ...dr.types].filter((type) => NEVER.includes(type))).toEqual([]);
      expect(dr.types.filter((type) => type === 'LeaseGranted')).toHaveLength(1);
    },
  );
});
