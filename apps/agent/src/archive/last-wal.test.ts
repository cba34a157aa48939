import { expect, it } from 'vitest';
import { lsnOf, timelineId } from '#libs/kernel';
import { parseWalFileName } from '#libs/postgres-model';
import { isOfTheLine } from './last-wal.ts';

const SEGMENT = 16 * 1_024 * 1_024;
/** Timeline 2 left the first one within its fourth segment. */
const history = [
  { timeline: timelineId(1), fork: null },
  { timeline: timelineId(2), fork: { from: timelineId(1), lsn: lsnOf(0x3000100n) } },
];

it.each([
  ['000000010000000000000002', true, 'ended before the next timeline began'],
  [
    '000000010000000000000003',
    false,
    'was left in its middle: the next timeline has its beginning',
  ],
  ['000000010000000000000003.partial', false, 'is kept under another name by who took over'],
  ['000000010000000000000004', false, 'was written alone'],
  ['000000020000000000000003', false, 'is of the timeline that is written now'],
  ['000000030000000000000003', false, 'is of a timeline that is not the cluster’s'],
  ['00000001.history', true, 'tells where a timeline of the line came from'],
])('%s: %s, for it %s', (name, expected) => {
  const file = parseWalFileName(name, SEGMENT);
  if (file === undefined) throw new Error(`${name} is no WAL file`);
  expect(isOfTheLine(history, file, SEGMENT)).toBe(expected);
});

it('of two that left it the earlier one counts', () => {
  const twice = [
    ...history,
    { timeline: timelineId(3), fork: { from: timelineId(1), lsn: lsnOf(0x2000100n) } },
  ];
  const file = parseWalFileName('000000010000000000000002', SEGMENT);
  expect(file !== undefined && isOfTheLine(twice, file, SEGMENT)).toBe(false);
});
