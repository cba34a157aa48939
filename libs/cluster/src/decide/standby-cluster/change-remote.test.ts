import { beforeEach, describe, expect, it } from 'vitest';
import { dataOn, named, Scenario, standbyAt } from '#libs/testing';
import { goalOf } from '../../goal-of.ts';
import type { Remote } from '../../remote/remote.ts';

const MAIN = { host: 'pg1', port: 5432, slot: null, user: null };
const OTHER = { host: 'other', port: 5433, slot: null, user: null };
const place = { dataDirectory: dataOn(1), postgres: standbyAt(1, 400n) };

let dr: Scenario;

beforeEach(() => {
  dr = new Scenario({}, { name: 'dr', standbyOf: MAIN });
  for (const name of ['dr1', 'dr2']) dr.hears(name);
  dr.settle();
  dr.hears('dr1', { dataDirectory: dataOn(1) }).settle();
  for (const name of ['dr1', 'dr2']) dr.hears(name, place);
  dr.settle();
});

const order = (remote: Remote = OTHER, acceptUnknown = false) =>
  dr.command({ type: 'demoteCluster', remote, acceptUnknown });

/** What the leader reports of the order that stands, or of one that was before it. */
function answers(why: string | null, at = dr.state.following?.asked?.at ?? 0): void {
  dr.hears('dr1', { ...place, remoteAnswer: { at: at as never, why } }).settle();
}

describe('a standby cluster that is told to follow another remote', () => {
  it('follows on until its leader could follow there, and the other one then', () => {
    expect(order().kind).toBe('decided');
    expect(dr.types.at(-1)).toBe('RemoteChangeAsked');
    expect(dr.settle()).toEqual([]);
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ remote: MAIN });
    answers(null);
    expect(dr.state.following).toMatchObject({ remote: OTHER, leader: 'dr1' });
    expect(dr.state.following).not.toHaveProperty('asked');
    expect(goalOf(dr.state, named('dr1'))).toMatchObject({ remote: OTHER });
    expect(dr.settle()).toEqual([]);
  });

  it('changes nothing when it could not, and says why', () => {
    order();
    answers('other:5433 holds another database');
    expect(dr.last('RemoteChangeRefused').reason).toBe(
      'dr1: other:5433 holds another database (--yes follows it all the same)',
    );
    expect(dr.state.following).toEqual({ remote: MAIN, leader: 'dr1', stoppedAt: null });
    expect(dr.settle()).toEqual([]);
  });

  it('does not take the answer to an earlier order for one to this', () => {
    order();
    answers('it does not answer');
    const before = dr.types.length;
    order({ ...OTHER, host: 'third' });
    answers(null, 1);
    expect(dr.types.slice(before)).toEqual(['RemoteChangeAsked']);
  });

  it('waits for half a minute, and for one order at a time', () => {
    order();
    expect(order({ ...OTHER, host: 'third' })).toMatchObject({
      kind: 'refused',
      refusals: [{ rule: 'busy', value: 'dr1 asks other:5433' }],
    });
    expect(dr.with({ sinceChangeMs: 30_000 }).settle()).toEqual([]);
    dr.with({ sinceChangeMs: 30_001 }).settle();
    expect(dr.last('RemoteChangeRefused').reason).toContain('did not say within 30000 ms');
    expect(dr.state.following?.remote).toEqual(MAIN);
  });

  it('follows at once on a word, and needs one where nobody could ask', () => {
    expect(order(OTHER, true).kind).toBe('decided');
    expect(dr.state.following?.remote).toEqual(OTHER);
    const alone = new Scenario({}, { name: 'dr', standbyOf: MAIN });
    const asked = alone.command({ type: 'demoteCluster', remote: OTHER, acceptUnknown: false });
    expect(asked.kind).toBe('refused');
  });
});
