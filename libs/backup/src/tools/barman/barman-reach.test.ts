import { describe, expect, it } from 'vitest';
import { parseLsn, timelineId } from '#libs/kernel';
import type { BarmanSettings } from '../../settings.ts';
import { segmentAt, segmentBegin } from '../../wal-segment.ts';
import { getWalCommand } from './barman.command.ts';
import { readShownBackup } from './barman.output.ts';
import { reachFrom } from './barman-reach.ts';

/** As Barman 3.4 answers after two switchovers, with one whole segment on the last timeline. */
const backup = {
  wal: { timeline: 1, lsn: parseLsn('0/8000000') },
  beginLsn: parseLsn('0/6000000'),
  timelines: [timelineId(2), timelineId(3)],
};
const OWN = '--peek 1000000 000000010000000000000006';
const LAST = '--peek 1000000 000000030000000000000008';
const answers: Record<string, string> = {
  '00000003.history':
    '1\t0/875AEA0\tno recovery target specified\n\n2\t0/875B238\tno recovery target specified\n',
  '00000002.history': '1\t0/875AEA0\tno recovery target specified\n',
  [OWN]: '000000010000000000000006\n000000010000000000000007\n',
  [LAST]: '000000030000000000000008\n000000030000000000000009\n',
  '--peek 1000000 000000020000000000000008': '000000020000000000000008\n',
};

function asked(present: number, change: Record<string, string> = {}, of = backup) {
  return reachFrom(of, timelineId(present), async (file, options = []) => {
    const asked = [...options, file].join(' ');
    const answer = { ...answers, ...change }[asked];
    if (answer === undefined) throw new Error(`asked ${asked}`);
    return answer;
  });
}

describe('how far the archive goes behind a backup', () => {
  it('is told by the present timeline where something is archived on it', async () => {
    expect(await asked(3)).toEqual({ wal: { timeline: 3, lsn: parseLsn('0/A000000') } });
  });

  it('is told by the one before it as long as no segment of the present one is whole', async () => {
    const wal = { timeline: 1, lsn: parseLsn('0/8000000') };
    expect(await asked(3, { [LAST]: '' })).toEqual({ wal });
  });

  it('is not told by a timeline that the cluster is not on yet, nor by none', async () => {
    expect(await asked(2)).toMatchObject({ wal: { timeline: 2 } });
    expect(await asked(1)).toEqual({ wal: backup.wal });
  });

  it('ends at the first segment that is missing, and names it', async () => {
    const gap = { [OWN]: '000000010000000000000006\n' };
    const missing = '000000010000000000000007';
    const wal = { timeline: 1, lsn: parseLsn('0/7000000') };
    expect(await asked(3, gap)).toEqual({ wal, missing });
    expect(await asked(1, gap)).toEqual({ wal, missing });
    // Barman goes on with the next group where the segment that is missing might have been the last of one.
    const leapt = { [OWN]: '000000010000000000000006\n000000010000000100000000\n' };
    expect(await asked(1, leapt)).toEqual({ wal, missing });
  });

  it('names the history of the present timeline when Barman has heard of none', async () => {
    const own = { ...backup, timelines: [timelineId(2)] };
    const missing = '00000003.history';
    expect(await asked(3, {}, own)).toEqual({ wal: backup.wal, missing });
  });

  it('begins with the timelines that Barman has heard of', () => {
    const information = { last_available: '000000010000000000000007', timelines: ['2', '3'] };
    const copy = { begin_wal: '000000010000000000000006' };
    const main = { backup_id: '1', status: 'DONE', wal_information: information };
    const shown = readShownBackup(
      JSON.stringify({ main: { ...main, base_backup_information: copy } }),
      'main',
    );
    expect(shown).toMatchObject({ kind: 'backup', backup });
  });
});

it('is asked for of one server, options first', () => {
  const here = { server: 'main', host: null, program: ['barman'] } as unknown as BarmanSettings;
  const argv = getWalCommand(here, '000000030000000000000008', ['--peek', '9']);
  expect(argv.join(' ')).toBe('barman get-wal --peek 9 main 000000030000000000000008');
});

describe('a segment', () => {
  it.each([
    [3, '0/875B238', '000000030000000000000008'],
    [16, '1/0', '000000100000000100000000'],
    [1, 'A/FF123456', '000000010000000A000000FF'],
  ])('of timeline %i that holds %s is %s', (timeline, lsn, name) => {
    expect(segmentAt(timeline, parseLsn(lsn))).toBe(name);
  });

  it('is kept as a whole from any position in it on', () => {
    expect(segmentBegin(parseLsn('0/875B238'), 16_777_216n)).toBe(parseLsn('0/8000000'));
    expect(segmentBegin(parseLsn('0/8000000'), 16_777_216n)).toBe(parseLsn('0/8000000'));
    expect(segmentBegin(parseLsn('0/875B238'), 1_048_576n)).toBe(parseLsn('0/8700000'));
  });
});
