import { describe, expect, it } from 'vitest';
import { type ClusterEvent, DEFAULT_SETTINGS, type RecordedEvent } from '#libs/cluster';
import {
  clusterName,
  epoch,
  epochMs,
  guardIncarnation,
  instanceName,
  parseLsn,
  timelineId,
} from '#libs/kernel';
import { eventText } from './event-text.ts';
import { recordedEventJson, sseMessage } from './recorded-event.ts';

const pg1 = instanceName('pg1');
const pg2 = instanceName('pg2');
const e4 = epoch(4);
const guard = guardIncarnation('g');
const at3 = { timeline: timelineId(2), lsn: parseLsn('0/3000060') };
const remote = { host: '10.1.0.11,10.1.0.12', port: 5432, slot: null, user: null };
const endpoint = { host: '10.0.0.11', port: 5432 };
const tags = { noFailover: false, noLoadBalance: false, failoverPriority: 1 };
const lag = { instance: pg1, rule: 'is too far behind', value: '32 MB', limit: '1 MB' };

const SENTENCES: readonly (readonly [ClusterEvent, string])[] = [
  [
    {
      type: 'ClusterCreated',
      settings: DEFAULT_SETTINGS,
      postgres: {
        superuser: 'a',
        replicationUser: 'b',
        rewindUser: 'c',
        parameters: {},
        pgHba: [],
      },
    },
    'cluster main is defined',
  ],
  [
    { type: 'InstanceJoined', instance: pg1, postgres: endpoint, agent: endpoint, tags },
    'pg1 is a member at 10.0.0.11:5432',
  ],
  [
    {
      ...{ type: 'InstanceJoined', instance: pg1, postgres: endpoint, agent: endpoint, tags },
      changed: ['address', 'data'],
    } as ClusterEvent,
    'pg1 is at 10.0.0.11:5432 now and has new data',
  ],
  [
    {
      ...{ type: 'SlotWarned', instance: pg1, slot: 'pg3', danger: 'endangered' },
      ...{ retainedBytes: 1_048_576n, safeBytes: 524_288n },
    } as ClusterEvent,
    'slot pg3 of pg1 will soon be lost: it keeps 1.0 MB, 512 kB more may be written (max_slot_wal_keep_size)',
  ],
  [
    {
      ...{ type: 'SlotWarned', instance: pg1, slot: 'pg3', danger: 'lost' },
      ...{ retainedBytes: null, safeBytes: null },
    } as ClusterEvent,
    'slot pg3 of pg1 is lost: WAL that it should have kept is gone (max_slot_wal_keep_size)',
  ],
  [
    { type: 'MemberSlotReleased', instance: pg2, silentMs: 1_800_300 },
    'no WAL is kept for pg2 any more: it was not heard for 1800 s',
  ],
  [
    { type: 'UpstreamLost', instance: pg2, reason: 'it is not heard' },
    'those that stream from pg2 go to the primary: it is not heard',
  ],
  [
    {
      ...{ type: 'RestartPlanned', instances: [pg2, pg1], rolling: true, onlyPending: true },
      ...{ notBefore: epochMs(0), startedAt: {} },
    } as ClusterEvent,
    'PostgreSQL is to be restarted where a setting waits for it on pg2, pg1 one after another, ' +
      'the primary after a switchover, not before 1970-01-01T00:00:00Z',
  ],
  [{ type: 'RestartDone', instance: pg2, tookMs: 812 }, 'pg2 serves again, restarted in 812 ms'],
  [{ type: 'RestartDone', instance: pg2, tookMs: 0 }, 'pg2 serves again after its restart'],
  [
    { type: 'RestartEnded', outcome: 'failed', reason: 'pg3 does not stream' },
    'the restart was given up: pg3 does not stream',
  ],
  [{ type: 'InstanceRemoved', instance: pg1 }, 'pg1 is a member no more'],
  [{ type: 'BootstrapStarted', initialiser: pg1 }, 'pg1 initialises the cluster'],
  [
    { type: 'BootstrapStarted', initialiser: pg1, adopts: true },
    'PostgreSQL of pg1 is taken over: it is restarted once, beneath our guard',
  ],
  [
    { type: 'BootstrapAbandoned', instance: pg1, reason: 'silent' },
    'pg1 could not initialise the cluster: silent',
  ],
  [
    { type: 'ClusterInitialised', instance: pg1, systemIdentifier: '7350000000000000001' },
    'pg1 initialised the cluster, system identifier 7350000000000000001',
  ],
  [
    {
      ...{ type: 'LeaseGranted', epoch: e4, holder: pg2, guard, timeline: timelineId(3) },
      ...{ reason: 'failover', refusals: [lag], position: at3 },
    } as ClusterEvent,
    'epoch 4 on timeline 3 is granted to pg2, which stands at 0/3000060 of timeline 2 (failover); ' +
      'not pg1: is too far behind (32 MB, limit 1 MB)',
  ],
  [
    { type: 'LeaseReleased', epoch: e4, guard, reason: 'hand-over', position: at3 },
    'lease of epoch 4 was given back at 0/3000060 of timeline 2: stopped for a switchover',
  ],
  [
    { type: 'LeaseExpired', epoch: e4, silentMs: 3_180, waitMs: 3_161 },
    'lease of epoch 4 expired: no renewal for 3180 ms, 3161 ms had to pass',
  ],
  [
    {
      ...{ type: 'Promoted', epoch: e4, instance: pg2, timeline: timelineId(3) },
      fork: { from: timelineId(2), lsn: at3.lsn },
    } as ClusterEvent,
    'pg2 accepts writes in epoch 4 on timeline 3, which left timeline 2 at 0/3000060',
  ],
  [{ type: 'PrimaryResumed', epoch: e4, instance: pg1 }, 'pg1 accepts writes again in epoch 4'],
  [
    {
      ...{ type: 'FailoverStarted', epoch: e4, primary: pg1, trigger: 'lease-expired' },
      ...{ lastKnown: { ...at3, ageMs: 210 }, candidate: pg2, acceptLoss: true },
      ...{ excluded: [pg1], detectMs: 3_190 },
    } as ClusterEvent,
    'failover from pg1 of epoch 4 begins 3190 ms after its last sign of life: its lease expired; last seen at 0/3000060 of timeline 2 ' +
      '210 ms before; wanted: pg2; loss accepted; not pg1',
  ],
  [
    {
      ...{ type: 'FailoverStarted', epoch: e4, primary: pg1, trigger: 'operator' },
      ...{ lastKnown: null, candidate: pg2, acceptLoss: false, copyAside: true },
      ...{ excluded: [], detectMs: 0 },
    } as ClusterEvent,
    'failover from pg1 of epoch 4 begins: an operator ordered it; wanted: pg2 with the copy that lies aside there',
  ],
  [
    {
      ...{ type: 'FailoverStarted', epoch: e4, primary: pg1, trigger: 'postgres-down' },
      ...{ lastKnown: null, candidate: null, acceptLoss: false, excluded: [], detectMs: 5_020 },
    } as ClusterEvent,
    'failover from pg1 of epoch 4 begins 5020 ms after it ended: its PostgreSQL is down',
  ],
  [
    {
      ...{ type: 'FailoverStarted', epoch: e4, primary: pg1, trigger: 'lease-released' },
      ...{ lastKnown: null, candidate: null, acceptLoss: false, excluded: [], detectMs: 1_060 },
    } as ClusterEvent,
    'failover from pg1 of epoch 4 begins 1060 ms after it ended: it gave its lease back',
  ],
  [{ type: 'FailoverAborted', reason: 'pg1 is back' }, 'failover was given up: pg1 is back'],
  [
    {
      ...{ type: 'FastForwardStarted', instance: pg2, from: pg1, missingBytes: 2_048n },
      upTo: { timeline: 2 as never, lsn: 0x3000060n as never },
      timing: { detachMs: 40, chooseMs: 1 },
    },
    'pg2 is preferred and lacks 2.0 kB: it fetches them from pg1, up to 0/3000060 of timeline 2',
  ],
  [
    { type: 'FastForwardGivenUp', instance: pg2, reason: 'pg1 is not heard any more' },
    'pg2 is not waited for, the most advanced is chosen: pg1 is not heard any more',
  ],
  [
    {
      ...{ type: 'FailoverCompleted', primary: pg2, phasesMs: { fence: 3_161, promote: 40 } },
      lostBytes: 0n,
    } as ClusterEvent,
    'failover to pg2 is complete after 3201 ms (fence 3161, promote 40); nothing known was lost',
  ],
  [
    { type: 'FailoverCompleted', primary: pg2, phasesMs: {}, lostBytes: 2_048n },
    'failover to pg2 is complete; 2.0 kB of WAL known before are lost',
  ],
  [
    {
      ...{ type: 'PrimaryMeasured', instance: pg1 },
      server: { versionNum: 150_018, settings: { max_connections: 100 }, collation: '2.36' },
    } as ClusterEvent,
    'pg1 serves with PostgreSQL 15.18, max_connections 100, collation version 2.36',
  ],
  [
    {
      ...{ type: 'DivergedWalKept', instance: pg1 },
      wal: {
        ...{ keptAt: 1, path: '/state/lost/1', from: at3, to: at3, keptBytes: 16_777_216 },
        ...{ truncated: false, committed: 2, aborted: 1, moreRelations: 3 },
        ...{ firstCommit: '2026-11-26 12:00:01 UTC', lastCommit: '2026-11-26 12:00:03 UTC' },
        relations: [{ name: 'shop: public.orders', records: 2 }],
      },
    } as ClusterEvent,
    'pg1 had written alone: 2 committed transactions (2026-11-26 12:00:01 UTC to 2026-11-26 12:00:03 UTC), ' +
      '1 aborted, from 0/3000060 of timeline 2 to 0/3000060 of timeline 2; touched shop: public.orders and 3 more; ' +
      'kept in /state/lost/1',
  ],
  [
    {
      ...{ type: 'DivergedWalKept', instance: pg1, taken: at3.timeline },
      wal: {
        ...{ keptAt: 1, path: '/state/lost/1', from: at3, to: at3, keptBytes: 16_777_216 },
        ...{ truncated: false, committed: 0, aborted: 0, moreRelations: 0, relations: [] },
        ...{ firstCommit: null, lastCommit: null },
      },
    } as ClusterEvent,
    'pg1 had written alone on timeline 2, which nobody was granted (promoted by hand?); that id is not given out ' +
      'any more: 0 committed transactions, 0 aborted, from 0/3000060 of timeline 2 to 0/3000060 of timeline 2; ' +
      'kept in /state/lost/1',
  ],
  [
    { type: 'MaintenanceChanged', instance: pg1, on: true },
    'pg1 is in maintenance: it is left alone until `matriarch maintenance off`',
  ],
  [{ type: 'MaintenanceChanged', instance: pg1, on: false }, 'pg1 is in maintenance no more'],
  [
    { type: 'FailsafeMembersConfirmed', epoch: epoch(4), members: [pg1] },
    'the guard of epoch 4 asks pg1 for promises when no controller answers',
  ],
  [{ type: 'FailoverAcknowledged', outage: 8 }, 'failover 8 is acknowledged: it holds up no other'],
  [{ type: 'ClockJumped', jumpMs: -5_000 }, "the leader's wall clock jumped by -5000 ms"],
  [
    { type: 'StandbysFollowed', primary: pg2, standbys: [pg1] },
    'pg1 streams from pg2: the cluster is whole',
  ],
  [
    { type: 'SwitchoverStarted', epoch: e4, from: pg1, to: pg2 },
    'switchover from pg1 to pg2 begins',
  ],
  [
    { type: 'SwitchoverAbandoned', reason: 'pg2 fell behind' },
    'switchover was given up: pg2 fell behind',
  ],
  [
    { type: 'SwitchoverCompleted', primary: pg2, phasesMs: { stop: 60, catchUp: 20, promote: 45 } },
    'switchover to pg2 is complete after 125 ms (stop 60, catchUp 20, promote 45)',
  ],
  [
    {
      type: 'ActionRefused',
      action: 'failover',
      refusals: [lag, { instance: null, rule: 'no candidate', value: '', limit: '' }],
    },
    'failover is refused: pg1: is too far behind (32 MB, limit 1 MB); no candidate',
  ],
  [
    { type: 'BrakeUsed', epoch: e4, term: 9 },
    'the leader of term 9 doubted itself and handed over before it declared epoch 4 expired',
  ],
  [
    {
      ...{ type: 'StandbyLeaderChosen', instance: pg1, position: at3 },
      reason: 'pg2 is not heard',
    } as ClusterEvent,
    'pg1 at 0/3000060 of timeline 2 follows the remote, the others stream from it: pg2 is not heard',
  ],
  [
    {
      type: 'RemoteTimelinesFollowed',
      instance: pg1,
      timelines: [{ timeline: timelineId(3), fork: { from: timelineId(2), lsn: at3.lsn } }],
    },
    'pg1 is on timeline 3 of the remote',
  ],
  [
    { type: 'RebuildWithdrawn', instance: pg1, reason: 'it serves as primary on timeline 2' },
    'the order to build pg1 anew is withdrawn: it serves as primary on timeline 2',
  ],
  [
    { type: 'RemoteChangeAsked', instance: pg1, remote },
    'pg1 asks whether it can follow 10.1.0.11,10.1.0.12:5432',
  ],
  [
    { type: 'RemoteChangeRefused', reason: 'pg1: it holds another database' },
    'the cluster follows whom it followed: pg1: it holds another database',
  ],
  [{ type: 'RemoteChanged', remote }, 'the cluster follows 10.1.0.11,10.1.0.12:5432'],
  [
    { type: 'RemoteChanged', remote: { archive: 'pgbackrest' } },
    'the cluster follows the pgbackrest archive',
  ],
  [
    { type: 'ClusterDemotionStarted', epoch: e4, primary: pg1, remote },
    'pg1 stops writing in epoch 4, so that 10.1.0.11,10.1.0.12:5432 may',
  ],
  [
    {
      ...{ type: 'ClusterDemotionStarted', epoch: e4, primary: pg1 },
      remote: { archive: 'pgbackrest' },
    } as ClusterEvent,
    'pg1 stops writing in epoch 4, so that a cluster that shares the pgbackrest archive may',
  ],
  [
    { type: 'ClusterDemotionAbandoned', reason: 'pg1 serves again' },
    'the demotion of the cluster was given up: pg1 serves again',
  ],
  [
    { type: 'ClusterDemoted', remote, stoppedAt: at3 },
    'nobody of the cluster may write any more, it follows 10.1.0.11,10.1.0.12:5432; the last it wrote is 0/3000060@2',
  ],
  [
    {
      ...{ type: 'ClusterPromoted', instance: pg1, received: at3, others: [] },
      ...{ lastWritten: at3, acceptUnknown: false },
    } as ClusterEvent,
    'the cluster follows nobody any more: pg1 at 0/3000060 of timeline 2 is to write, with all up to 0/3000060@2, where the other cluster ended',
  ],
  [{ type: 'ClusterPaused' }, 'automatic decisions are paused'],
  [{ type: 'ClusterResumed' }, 'automatic decisions are on again'],
];

function recorded(event: ClusterEvent): RecordedEvent {
  return {
    cluster: clusterName('main'),
    sequence: 17,
    version: 16,
    at: epochMs(1_750_000_000_000),
    cause: { by: 'leader c1', rule: 'test' },
    event,
  };
}

describe('eventText', () => {
  it.each(SENTENCES.map(([event, text]) => ({ type: event.type, event, text })))(
    '$type: $text',
    ({ event, text }) => {
      expect(eventText(recorded(event))).toBe(text);
    },
  );
});

describe('recordedEventJson', () => {
  it('writes positions as PostgreSQL does and other 64-bit numbers as decimal text', () => {
    const found = SENTENCES.find(([{ type }]) => type === 'LeaseReleased');
    const event = { ...found?.[0] } as ClusterEvent;
    expect(recordedEventJson(recorded(event))).toEqual({
      cluster: 'main',
      sequence: 17,
      version: 16,
      at: 1_750_000_000_000,
      cause: { by: 'leader c1', rule: 'test' },
      text: eventText(recorded(event)),
      event: {
        type: 'LeaseReleased',
        epoch: 4,
        guard: 'g',
        reason: 'hand-over',
        position: { timeline: 2, lsn: '0/3000060' },
      },
    });
    const completed: ClusterEvent = {
      type: 'FailoverCompleted',
      primary: pg2,
      phasesMs: {},
      lostBytes: 2_048n,
    };
    expect(recordedEventJson(recorded(completed)).event).toMatchObject({ lostBytes: '2048' });
  });

  it('fits one message of the stream', () => {
    const json = recordedEventJson(
      recorded({ type: 'BootstrapAbandoned', instance: pg1, reason: 'a\nb' }),
    );
    const lines = sseMessage(json).split('\n');
    expect(lines.slice(0, 2)).toEqual(['id: 17', 'event: recorded']);
    expect(JSON.parse(lines[2]?.slice(6) ?? '')).toEqual(json);
    expect(lines.slice(3)).toEqual(['', '']);
  });
});
