import { describe, expect, it } from 'vitest';
import { type ClusterState, DEFAULT_SLOT_POLICY, type InstanceTags } from '#libs/cluster';
import { named, runningCluster } from '#libs/testing';
import { wantedSlotsOf } from './wanted-slots.ts';

/** pg1 is primary; one physical and one logical slot are permanent. */
function cluster(tags: Readonly<Record<string, Partial<InstanceTags>>> = {}): ClusterState {
  const { state } = runningCluster();
  const permanent = {
    archiver: { type: 'physical' },
    app: { type: 'logical', database: 'app', plugin: 'p' },
  } as const;
  const members = Object.values(state.members).map((member) => [
    member.name,
    { ...member, tags: { ...member.tags, ...tags[member.name] } },
  ]);
  const postgres = { ...state.postgres, slots: { ...DEFAULT_SLOT_POLICY, permanent } };
  return { ...state, postgres, members: Object.fromEntries(members) };
}

function slotsOn(name: string, state: ClusterState): string[] {
  const role = name === 'pg1' ? 'primary' : 'standby';
  return [...wantedSlotsOf(state, named(name), role).wanted.keys()].sort();
}

describe('slots that an instance should have', () => {
  it('are the permanent ones and those of all others, wherever the primary may be one day', () => {
    expect(slotsOn('pg1', cluster())).toEqual(['app', 'archiver', 'pg2', 'pg3']);
    expect(slotsOn('pg2', cluster())).toEqual(['app', 'archiver', 'pg1', 'pg3']);
  });

  it.each([
    ['noFailover', { noFailover: true }],
    ['noStream', { noStream: true }],
  ])('of one that never takes over (%s) are those of its followers alone', (_tag, tags) => {
    const cascading = cluster({ pg2: tags, pg3: { replicateFrom: named('pg2') } });
    expect(slotsOn('pg3', cascading)).toEqual(['app', 'archiver', 'pg1', ...others(tags)]);
    expect(slotsOn('pg2', cluster({ pg2: tags }))).toEqual([]);
  });

  it('of one that never takes over hold WAL for whoever streams from it', () => {
    const tags = { pg2: { noFailover: true }, pg3: { replicateFrom: named('pg2') } };
    const state = { ...cluster(tags), readyUpstreams: [named('pg2')] };
    expect(slotsOn('pg2', state)).toEqual(['pg3']);
  });

  it('are none for who is fed by the archive alone', () => {
    expect(slotsOn('pg1', cluster({ pg3: { noStream: true } }))).toEqual([
      ...['app', 'archiver', 'pg2'],
    ]);
  });
});

/** Whoever is fed by the archive has a slot nowhere. */
function others(tags: Partial<InstanceTags>): string[] {
  return tags.noStream === true ? [] : ['pg2'];
}
