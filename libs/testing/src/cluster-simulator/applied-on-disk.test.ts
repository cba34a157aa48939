import { describe, expect, it } from 'vitest';
import { type ClusterEvent, DEFAULT_SETTINGS } from '#libs/cluster';
import { type Command, EventStore, packCommand, packEnvelope } from '#libs/event-store';
import { epochMs } from '#libs/kernel';
import type { LogEntry } from '#libs/raft';
import { AppliedOnDisk } from './applied-on-disk.ts';
import { CLUSTER } from './cluster-world.ts';
import { Handles } from './handles.ts';

const postgres = {
  superuser: 'postgres',
  replicationUser: 'replicator',
  rewindUser: 'rewinder',
  parameters: {},
  pgHba: [],
};
type CommandEntry = Extract<LogEntry, { kind: 'command' }>;
const created: ClusterEvent = { type: 'ClusterCreated', settings: DEFAULT_SETTINGS, postgres };

describe('what a controller stored as it applied its log', () => {
  const handles = new Handles();

  function entry(index: number, command: Command): CommandEntry {
    const body = packCommand(handles, command);
    const payload = packEnvelope(handles, { from: 'controller', body });
    return { index, term: 1, kind: 'command', payload };
  }
  function append(index: number, expectedVersion: number, event: ClusterEvent): CommandEntry {
    const cause = { by: 'test', rule: 'test' };
    const at = epochMs(1_000 + index);
    return entry(index, {
      ...{ type: 'append', cluster: CLUSTER, expectedVersion, at, cause, events: [event] },
    } as Command);
  }
  const log = [
    entry(1, { type: 'protocol', level: 3 }),
    append(2, 0, created),
    append(3, 1, { type: 'ClusterPaused' }),
    append(4, 1, { type: 'ClusterResumed' }),
    append(5, 2, { type: 'ClusterResumed' }),
  ];

  it('is the same state after every entry to a later life as to the one before', () => {
    const disk = new AppliedOnDisk();
    const [first, second] = [new EventStore(handles), new EventStore(handles)];
    const seen = log.map((each) => {
      const applied = disk.apply(first, each);
      return { applied, state: first.cluster(CLUSTER), protocol: first.protocol };
    });
    expect(seen.map(({ applied }) => applied.result.type)).toEqual([
      ...['written', 'appended', 'appended', 'rejected', 'appended'],
    ]);
    for (const [at, each] of log.entries()) {
      const applied = disk.apply(second, each);
      const { protocol } = second;
      expect({ applied, state: second.cluster(CLUSTER), protocol }).toEqual(seen[at]);
    }
  });

  it('counts for nothing from where the log is another one on', () => {
    const disk = new AppliedOnDisk();
    const first = new EventStore(handles);
    for (const each of log) disk.apply(first, each);
    const other = [...log.slice(0, 3), append(4, 2, { type: 'ClusterResumed' })];
    // The last one was taken at this very place before, on what another log had made.
    const second = new EventStore(handles);
    const again = [...other, ...log.slice(4)].map((each) => disk.apply(second, each));
    expect(again.map(({ result }) => result.type)).toEqual([
      ...['written', 'appended', 'appended', 'appended', 'rejected'],
    ]);
    const third = new EventStore(handles);
    for (const each of [...other, append(5, 3, { type: 'ClusterPaused' })]) disk.apply(third, each);
    expect(third.cluster(CLUSTER)).toMatchObject({ version: 4, paused: true });
  });
});
