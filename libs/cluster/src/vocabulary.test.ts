import { describe, expect, it } from 'vitest';
import { epoch, instanceName } from '#libs/kernel';
import { type ClusterConfiguration, NO_OVERRIDES } from './configuration.ts';
import type { ClusterEvent } from './events.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { heldBackFor, problemIn, vocabularyProblem } from './vocabulary.ts';

/** Two levels: 3 brought an event, a field and a word. */
const VOCABULARY = { Old: { since: 1, reason: 1, extra: 3 }, New: { since: 3, at: 3 } };
const VALUES = { Old: { reason: { known: 1, newer: 3 } } };

const problem = (event: { readonly type: string }, level: number) =>
  problemIn(VOCABULARY, VALUES, event, level);

describe('what a group at a level may record', () => {
  it('is what all its members know', () => {
    expect(problem({ type: 'Old', ...{ reason: 'known' } }, 1)).toBeNull();
    expect(problem({ type: 'Old', ...{ reason: 'known', extra: undefined } }, 1)).toBeNull();
  });

  it.each([
    { what: "event 'New'", event: { type: 'New', at: 7 } },
    { what: "'extra' of event 'Old'", event: { type: 'Old', reason: 'known', extra: null } },
    { what: "'reason: newer' of event 'Old'", event: { type: 'Old', reason: 'newer' } },
  ])('is not yet $what, until the group has switched', ({ what, event }) => {
    expect(problem(event, 2)).toEqual({ kind: 'early', what, level: 3 });
    expect(problem(event, 3)).toBeNull();
  });

  it.each([
    { what: "event 'Later'", event: { type: 'Later' } },
    { what: "event 'constructor'", event: { type: 'constructor' } },
    { what: "'more' of event 'New'", event: { type: 'New', at: 7, more: true } },
    { what: "'reason: later' of event 'Old'", event: { type: 'Old', reason: 'later' } },
  ])('is never $what, which nobody here knows', ({ what, event }) => {
    expect(problem(event, 99)).toEqual({ kind: 'unknown', what });
  });

  it('names what is held back, the levels and the way out', () => {
    const paused: ClusterEvent = { type: 'ClusterPaused' };
    expect(vocabularyProblem(paused, 1)).toBeNull();
    expect(heldBackFor([paused], 1)).toBeNull();
    expect(heldBackFor([paused, paused], 0)).toMatch(
      /^event 'ClusterPaused' needs protocol level 1, the group is at 0: .* upgrade or remove/,
    );
  });

  it('is not yet a form that members of before would act on in another way', () => {
    const following = (host: string): ClusterEvent => {
      return { type: 'RemoteChanged', remote: { host, port: 5432, slot: null, user: null } };
    };
    expect(heldBackFor([following('db1,db2')], 3)).toBeNull();
    expect(heldBackFor([following('db1:5432,db2:5433')], 3)).toContain(
      "a port for each host of the remote in event 'RemoteChanged' needs protocol level 4",
    );
    expect(heldBackFor([following('db1:5432,db2:5433')], 4)).toBeNull();
  });

  it('is not yet an archive that is followed: members of before would look for a host', () => {
    const remote = { archive: 'pgbackrest' } as const;
    const postgres = {
      superuser: 'a',
      replicationUser: 'b',
      rewindUser: 'c',
      parameters: {},
      pgHba: [],
    };
    const settings = DEFAULT_SETTINGS;
    const events: readonly ClusterEvent[] = [
      { type: 'ClusterCreated', settings, postgres, standbyOf: remote },
      { type: 'RemoteChanged', remote },
      { type: 'ClusterDemoted', remote, stoppedAt: null },
    ];
    for (const event of events) {
      expect(heldBackFor([event], 4), event.type).toContain('needs protocol level 5');
      expect(heldBackFor([event], 5), event.type).toBeNull();
    }
  });

  it('is not yet a demotion on a word: members of before would fold another state', () => {
    const order = { epoch: epoch(1), primary: instanceName('pg1'), remote: { archive: 'custom' } };
    const started = { type: 'ClusterDemotionStarted', ...order } as const;
    expect(heldBackFor([started as ClusterEvent], 5)).toBeNull();
    const byWord = { ...started, acceptUnknown: true } as ClusterEvent;
    expect(heldBackFor([byWord], 5)).toContain('needs protocol level 6');
    expect(heldBackFor([byWord], 6)).toBeNull();
  });

  it('is not yet a remote that is asked first: members of before would fold nothing', () => {
    const instance = instanceName('dr1');
    const asked: ClusterEvent = {
      type: 'RemoteChangeAsked',
      ...{ instance, remote: { archive: 'custom' } },
    };
    const refused: ClusterEvent = { type: 'RemoteChangeRefused', reason: 'it is another database' };
    for (const event of [asked, refused]) {
      expect(heldBackFor([event], 7)).toContain('needs protocol level 8');
      expect(heldBackFor([event], 8)).toBeNull();
    }
  });

  it('is not yet a rebuild that is withdrawn: members of before would keep the order', () => {
    const event: ClusterEvent = {
      type: 'RebuildWithdrawn',
      instance: instanceName('pg2'),
      reason: 'it serves as primary on timeline 2',
    };
    expect(heldBackFor([event], 8)).toContain('needs protocol level 9');
    expect(heldBackFor([event], 9)).toBeNull();
  });

  it('is not yet an access line of a role: members of before would fold another state', () => {
    const none = { pgHba: [], pgIdent: [] };
    const configuration = {
      ...{ settings: DEFAULT_SETTINGS, parameters: {}, ...none, overrides: NO_OVERRIDES },
    };
    const changed = (change: Partial<ClusterConfiguration>): ClusterEvent => ({
      ...{ type: 'ConfigurationChanged', revision: 2, comment: null },
      configuration: { ...configuration, ...change },
    });
    expect(heldBackFor([changed({})], 3)).toBeNull();
    const accessOverrides = { primary: none, standby: none, instances: {} };
    expect(heldBackFor([changed({ accessOverrides })], 3)).toContain('needs protocol level 4');
    expect(heldBackFor([changed({ accessOverrides })], 4)).toBeNull();
  });
});
