import { describe, expect, it } from 'vitest';
import { parseLsn } from '#libs/kernel';
import { RecoveryProgress } from './recovery-progress.ts';

const at = (segment: string) => [
  'postgres: main: checkpointer ',
  `postgres: main: startup recovering 00000001000000A0000000${segment}`,
];

describe('the progress of a crash recovery', () => {
  it('is the segment that is replayed, and how long it has been the same', () => {
    const recovery = new RecoveryProgress();
    recovery.note(at('0F'), 1_000);
    expect(recovery).toMatchObject({ progress: parseLsn('A0/F000000'), stalledForMs: 0 });
    recovery.note(at('0F'), 61_000);
    expect(recovery.stalledForMs).toBe(60_000);
    recovery.note(at('10'), 62_000);
    expect(recovery).toMatchObject({ progress: parseLsn('A0/10000000'), stalledForMs: 0 });
  });

  it('is never called stalled while nothing is known of it', () => {
    const recovery = new RecoveryProgress();
    recovery.note(['postgres: main: startup '], 1_000);
    recovery.note([], 90_000);
    expect(recovery).toMatchObject({ progress: null, stalledForMs: 0 });
  });
});
