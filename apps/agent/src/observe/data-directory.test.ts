import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseLsn, timelineId } from '#libs/kernel';
import { withWalEnd } from './data-directory.ts';

const directory = mkdtempSync(join(tmpdir(), 'data-'));
const first = timelineId(1);
const onFirst: Parameters<typeof withWalEnd>[1] = {
  kind: 'initialised',
  systemIdentifier: '7',
  walEnd: null,
  timeline: first,
  ancestors: [],
  cleanShutdown: false,
};

beforeAll(() => {
  mkdirSync(join(directory, 'pg_wal'));
  const history = '1\t0/5000060\tno recovery target specified\n';
  writeFileSync(join(directory, 'pg_wal', '00000002.history'), history);
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('a stopped instance whose end of WAL was read', () => {
  const at = (timeline: number) => ({ timeline: timelineId(timeline), lsn: parseLsn('0/5000200') });

  it('is on the timeline that its WAL ends on, whatever the control file says', () => {
    expect(withWalEnd(directory, onFirst, at(2))).toMatchObject({
      timeline: 2,
      ancestors: [{ timeline: 1, forkLsn: parseLsn('0/5000060') }],
      walEnd: at(2),
    });
  });

  it('stays where it is known to be otherwise', () => {
    expect(withWalEnd(directory, onFirst, at(1))).toEqual({ ...onFirst, walEnd: at(1) });
    // Without the history file nothing can be said of that timeline.
    expect(withWalEnd(directory, onFirst, at(3))).toEqual({ ...onFirst, walEnd: at(3) });
  });
});
