import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import type { OutageView } from '#libs/api';
import { cluster, instance, recorded, status } from '../testing/fixtures.ts';

import { eventLine } from './event-text.ts';
import { explainText } from './explain-text.ts';
import { failoversText } from './failovers-text.ts';
import { statusText } from './status-text.ts';
import { ageText } from './time-text.ts';
import { wrap } from './wrap.ts';

const look = { columns: 80, colors: pc.createColors(false) };

describe('statusText', () => {
  it('shows a healthy cluster', () => {
    expect(`\n${statusText(status(), look)}\n`).toBe(`
Controllers  leader c2
  CONTROLLER  ROLE      TERM  COMMIT  APPLIED  ADDRESS
  c1          follower     3    1204     1204  10.0.0.1:7400
  c2          leader       3    1204     1204  10.0.0.2:7400
  c3          follower     3    1204     1204  10.0.0.3:7400

Cluster main  serving, epoch 4 held by pg1, timeline 3
  INSTANCE  ROLE     STATE      TL        LSN  LAG  LEASE   HEARD  FROM
  pg1       primary  serving     3  0/5000148    -  2.6 s  140 ms  -
  pg2       standby  streaming   3  0/5000148  0 B      -  140 ms  pg1
  pg3       standby  streaming   3  0/5000148  0 B      -  140 ms  pg1
`);
  });

  it('says what is wrong with a controller', () => {
    const controllers = status().controllers.map((each) =>
      each.name === 'c3' ? { ...each, remarks: ['57 MB are left on the disk of c3'] } : each,
    );
    expect(statusText(status({ controllers }), look).split('\n')).toEqual(
      expect.arrayContaining(['  57 MB are left on the disk of c3']),
    );
  });

  it('shows a standby cluster, whom it follows and who streams from there', () => {
    const remote = { host: '10.1.0.11,10.1.0.12', port: 5432, slot: 'site_b', archive: null };
    const clusters = [
      cluster({
        ...{ phase: 'standby', following: { ...remote, leader: 'pg1', stoppedAt: null } },
        lease: { kind: 'NeverGranted', epoch: null, holder: null, serving: false },
        instances: [
          instance({ name: 'pg1', role: 'standby-leader', receivingFrom: '10.1.0.11:5432' }),
          instance({ name: 'pg2' }),
        ],
      }),
    ];
    expect(statusText(status({ clusters }), { ...look, columns: 90 })).toContain(`
Cluster main  standby cluster, follows 10.1.0.11,10.1.0.12:5432, timeline 3
  INSTANCE  ROLE            STATE      TL        LSN  LAG  LEASE   HEARD  FROM
  pg1       standby-leader  streaming   3  0/5000148  0 B      -  140 ms  10.1.0.11:5432
  pg2       standby         streaming   3  0/5000148  0 B      -  140 ms  pg1`);
  });

  it('says that a new leader has not heard everybody yet, and calls nobody silent', () => {
    const unheard = { role: null, state: 'unheard' as const, agent: { heardAgeMs: null } };
    const instances = [instance({ name: 'pg1', ...unheard }), instance({ name: 'pg2' })];
    const clusters = [cluster({ unheardForMs: 1_200, instances })];
    const text = statusText(status({ clusters }), { ...look, columns: 100 });
    expect(text).toContain('leader is new, for 1.2 s now: who is "not heard yet" has not reported');
    expect(text).toMatch(/pg1 +- +not heard yet/);
    expect(text).not.toContain('silent');
  });

  it('shows an outage: what is under way, who is silent, what stands in the way', () => {
    const clusters = [
      cluster({
        phase: 'down',
        paused: true,
        operation: 'failover from pg1: standbys stop receiving and say how far they came',
        lease: { kind: 'Expired', epoch: 4, holder: 'pg1', serving: false },
        instances: [
          instance({
            ...{ name: 'pg1', role: null, state: 'silent', agent: { heardAgeMs: 9_400 } },
            receivingFrom: null,
            guard: { attached: false, epoch: null, remainingMs: null },
          }),
          instance({ name: 'pg2', state: 'not streaming', receivingFrom: null, lagText: '1.5 MB' }),
          instance({
            ...{
              name: 'pg3',
              activity: 'clone from pg1, 42 %',
              state: 'empty',
              lsn: null,
              role: null,
            },
            problem:
              'pg_basebackup: could not connect to 10.0.0.11:5432: connection refused, it is tried again in 5 s',
          }),
        ],
      }),
    ];
    const controllers = status().controllers.map((one) =>
      one.name === 'c3' ? { ...one, reachable: false, term: null } : one,
    );
    const text = statusText(status({ clusters, controllers, leader: null }), look);
    expect(`\n${text}\n`).toBe(`
Controllers  no leader
  CONTROLLER  ROLE         TERM  COMMIT  APPLIED  ADDRESS
  c1          follower        3    1204     1204  10.0.0.1:7400
  c2          leader          3    1204     1204  10.0.0.2:7400
  c3          unreachable     -    1204     1204  10.0.0.3:7400

Cluster main  down, paused, epoch 4 of pg1 expired, timeline 3
  failover from pg1: standbys stop receiving and say how far they came
  paused: nobody starts or replaces its primary before \`matriarch resume\`
  INSTANCE  ROLE     STATE          TL        LSN     LAG  LEASE   HEARD  FROM
  pg1       -        silent          3  0/5000148     0 B      -   9.4 s  -
  pg2       standby  not streaming   3  0/5000148  1.5 MB      -  140 ms  -
  pg3       -        empty           3          -     0 B      -  140 ms  pg1
  pg3: clone from pg1, 42 %
  pg3: pg_basebackup: could not connect to 10.0.0.11:5432: connection refused,
    it is tried again in 5 s
`);
  });

  it('offers the copy that lies aside, with the order on a line of its own', () => {
    const text =
      'nobody can serve, but pg2 has an earlier copy in /srv/pg2.matriarch-aside, up to 0/3000060 of ' +
      'timeline 1, at most 4096 bytes behind the last known position of the lost primary: it is taken by';
    const order = 'matriarch failover main --to pg2 --copy-aside';
    const down = cluster({
      phase: 'down',
      operation: 'failover from pg1: standbys stop receiving and say how far they came',
      copiesAside: [{ text, order }],
      instances: [],
    });
    expect(statusText(status({ clusters: [down] }), look)).toContain(`
  failover from pg1: standbys stop receiving and say how far they came
  nobody can serve, but pg2 has an earlier copy in /srv/pg2.matriarch-aside,
  up to 0/3000060 of timeline 1, at most 4096 bytes behind the last known
  position of the lost primary: it is taken by
    matriarch failover main --to pg2 --copy-aside
`);
  });

  it.each([80, 100, 120])('keeps to %i columns', (columns) => {
    const text = statusText(status(), { ...look, columns });
    expect(text.split('\n').filter((line) => line.length > columns)).toEqual([]);
  });

  it('says what to do while there is no cluster or no instance', () => {
    expect(statusText(status({ clusters: [] }), look)).toContain('matriarch cluster create NAME');
    const empty = status({ clusters: [cluster({ instances: [] })] });
    expect(statusText(empty, look)).toContain('no instance has joined');
  });
});

describe('eventLine', () => {
  it('wraps below its own text', () => {
    const text =
      'failover from pg1 of epoch 4 begins 3190 ms after its last sign of life: its lease expired';
    const line = eventLine(recorded(17, text, { type: 'FailoverStarted' }), look);
    expect(`\n${line}\n`).toBe(`
2025-06-15 15:06:40.340     17  failover from pg1 of epoch 4 begins 3190 ms
                                after its last sign of life: its lease expired
`);
  });
});

describe('explainText', () => {
  it('shows for each instance what it should be, what it is, and why not', () => {
    const answer = {
      cluster: 'main',
      summary: 'pg1 is primary in epoch 4',
      instances: [
        {
          name: 'pg2',
          goal: 'streams from pg1 on timeline 3',
          condition: 'starting, timeline 2',
          problem: 'the WAL it needs is gone',
          candidate: {
            ...{ eligible: false, lagBytes: '2048', failoverPriority: 1, zone: 'dc2' },
            refusals: [
              {
                instance: 'pg2',
                rule: 'disk-full',
                value: '5 bytes free',
                limit: '67108864 bytes',
              },
            ],
            remarks: ['runs 15.17, the primary 15.18'],
          },
        },
      ],
      lastRefusal: {
        action: 'switchover',
        at: 1_750_000_000_000,
        refusals: [{ instance: 'pg2', rule: 'does not stream', value: '', limit: '' }],
      },
    };
    expect(`\n${explainText(answer, look)}\n`).toBe(`
Cluster main  pg1 is primary in epoch 4

pg2
  should  streams from pg1 on timeline 3
  is      starting, timeline 2
  why     the WAL it needs is gone
  next?   no, 2.0 kB behind the primary, priority 1, zone dc2, runs 15.17, the
          primary 15.18
          disk-full (5 bytes free, limit 67108864 bytes)

switchover was refused last at 2025-06-15 15:06:40.000 UTC:
  pg2: does not stream
`);
  });
});

describe('small texts', () => {
  it.each([
    [85, '85 ms'],
    [2_449, '2.4 s'],
    [130_000, '2.2 min'],
    [7_600_000, '2.1 h'],
  ])('%i ms is %s', (durationMs, text) => {
    expect(ageText(durationMs)).toBe(text);
  });

  it('words longer than a line stay whole', () => {
    expect(wrap('a bbbbbbbbbb c', 4, '  ')).toBe('a\n  bbbbbbbbbb\n  c');
  });
});

describe('failoversText', () => {
  const failover: OutageView = {
    ...{
      number: 8,
      kind: 'failover' as const,
      outcome: 'completed' as const,
      trigger: 'lease-expired' as const,
    },
    ...{ by: 'controller', from: 'pg1', to: 'pg2', epoch: 4, sequence: 70, attempts: 1 },
    ...{ startedAt: 1_750_000_000_000, endedAt: 1_750_000_000_090, reason: null },
    phasesMs: { detect: 3_161, decide: 3, detach: 21, choose: 0, grant: 24, promote: 31 },
    ...{ totalMs: 3_240, followMs: 2_400, lostBytes: '2048', lostText: '2.0 kB' },
    keptAcknowledged: false,
    divergedWal: null,
  };
  const switchover: OutageView = {
    ...failover,
    ...{
      number: 7,
      kind: 'switchover' as const,
      outcome: 'given-up' as const,
      trigger: null,
      by: 'anna',
    },
    ...{ reason: 'pg2 is not heard any more', phasesMs: {}, totalMs: 0 },
    ...{ followMs: null, lostBytes: null, lostText: null },
  };

  it('says why something was given up without being asked for details', () => {
    const answer = { cluster: 'main', failovers: [failover, switchover] };
    const [, , , ...below] = failoversText(answer, look, false).split('\n');
    expect(below).toEqual(['', '7  given up: pg2 is not heard any more']);
    const whole = { cluster: 'main', failovers: [failover] };
    expect(failoversText(whole, look, false).split('\n')).toHaveLength(2);
  });

  it('tells WAL that was never acknowledged from a loss', () => {
    const failovers = [{ ...failover, keptAcknowledged: true }, failover];
    const text = failoversText({ cluster: 'main', failovers }, look, false);
    expect(text).toMatch(/none \(2\.0 kB\) +completed\n.* 2\.0 kB +completed\n/);
    expect(text).toMatch(/was never\s+acknowledged/);
    const nothing = { ...failover, keptAcknowledged: true, lostBytes: '0', lostText: '0 B' };
    expect(failoversText({ cluster: 'main', failovers: [nothing] }, look, false)).not.toContain(
      'none',
    );
  });

  it('lists the newest first, and each with its phases when asked', () => {
    const answer = { cluster: 'main', failovers: [failover, switchover] };
    expect(`\n${failoversText(answer, look, true)}\n`).toBe(`
#  AT (UTC)                 WHAT        FROM  TO    TOOK    LOST  OUTCOME
8  2025-06-15 15:06:40.000  failover    pg1   pg2  3.2 s  2.0 kB  completed
7  2025-06-15 15:06:40.000  switchover  pg1   pg2   0 ms       -  given-up

8  ended epoch 4: its lease expired (controller; event 70)
   phases: 3240 ms (detect 3161, decide 3, detach 21, choose 0, grant 24,
   promote 31)

7  ended epoch 4: an operator ordered it (anna; event 70)
   phases: none
   given up: pg2 is not heard any more

PHASE    LASTS
detect   until the loss was certain
decide   until a majority of the controllers had stored what was decided
detach   until the standbys had proved that they receive nothing more
choose   waiting for a standby that might have had more
grant    until the guard of the new primary held the lease
promote  until PostgreSQL accepted writes there
`);
  });

  it('does without FOLLOWED on a narrow terminal', () => {
    const answer = { cluster: 'main', failovers: [failover] };
    const [wide = ''] = failoversText(answer, { ...look, columns: 100 }, false).split('\n');
    expect(wide).toContain('FOLLOWED');
    const lines = failoversText(answer, { ...look, columns: 80 }, false).split('\n');
    expect(lines[0]).not.toContain('FOLLOWED');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('says so when there was none', () => {
    expect(failoversText({ cluster: 'main', failovers: [] }, look, false)).toBe(
      'main has had no failover and no switchover',
    );
  });
});
