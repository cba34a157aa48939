import { expect, it } from 'vitest';
import { lsnOf, timelineId } from '#libs/kernel';
import type { ReachableInstance } from '#libs/postgres-run';
import { StreamLog } from './stream-log.ts';

type Role = ReachableInstance['role'];

function standby(from: string | null): Role {
  const at = { senderHost: from ?? '', senderPort: 5432, receivedTimeline: timelineId(2) };
  const receiver = { pid: 7, status: 'streaming', conninfo: {}, ...at };
  return {
    ...{ kind: 'standby', timeline: timelineId(1), replayPaused: false },
    ...{ replayedLsn: lsnOf(0x3000000n), receivedLsn: lsnOf(0x3000060n) },
    ...(from === null ? {} : { receiver }),
  } as Role;
}
const PRIMARY: Role = { kind: 'primary', timeline: timelineId(3), writeLsn: lsnOf(1n) } as Role;

it.each([
  {
    what: 'never streamed',
    looks: [
      [0, null],
      [9_000, null],
    ],
    lines: [],
  },
  {
    what: 'was pointed elsewhere',
    looks: [
      [0, 'a'],
      [900, null],
      [1_800, 'b'],
    ],
    lines: [],
  },
  {
    what: 'lost its primary for a while',
    looks: [
      [0, 'a'],
      [1_000, null],
      [2_000, null],
      [9_000, null],
      [10_000, 'b'],
      [11_000, 'b'],
    ],
    lines: [
      'does not stream any more from a:5432 timeline 1 received 0/3000060 forMs 2000',
      'streams again from b:5432 timeline 2 afterMs 10000',
    ],
  },
  {
    what: 'was promoted',
    looks: [
      [0, 'a'],
      [1_000, null],
      [2_500, 'primary'],
      [9_000, null],
    ],
    lines: [],
  },
] as const)('a standby that $what', ({ looks, lines }) => {
  const told: string[] = [];
  const note = (message: string, fields: object = {}): void => {
    told.push([message, ...Object.entries(fields).flat()].join(' '));
  };
  let now = 0;
  const log = new StreamLog({ info: note, warn: note }, () => now);
  for (const [atMs, from] of looks) {
    now = atMs;
    log.look({ role: from === 'primary' ? PRIMARY : standby(from) });
  }
  expect(told).toEqual(lines);
});
