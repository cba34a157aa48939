import { describe, expect, it } from 'vitest';
import { type Lsn, lsnOf, timelineId } from '#libs/kernel';
import type { Snapshot } from '../observe/snapshot.ts';
import { CopyProof } from './copy-proof.ts';
import type { StreamingView } from './streaming-watch.ts';

const receiver = { status: 'streaming' };
const role = { kind: 'standby', replayedLsn: lsnOf(5n), timeline: timelineId(1) };

function proofOf(awaitsProof: boolean, said: Lsn | null) {
  const seen: StreamingView[] = [];
  const asked = { times: 0, forgotten: 0 };
  const proof = new CopyProof(
    { awaitsProof, look: (view) => seen.push(view) },
    {
      ask: () => {
        asked.times += 1;
        return said;
      },
      forget: () => {
        asked.forgotten += 1;
      },
    },
  );
  const look = (more: object): void => {
    const sql = { kind: 'reachable', role: { ...role, receiver: { ...receiver, ...more } } };
    proof.look({ sql, upstream: null, restores: false } as unknown as Snapshot, null, null, 0);
  };
  return { look, seen, asked };
}

describe('a copy that is in place', () => {
  it('and heard nothing yet of a primary at rest: that is asked where its WAL ends', () => {
    const { look, seen, asked } = proofOf(true, lsnOf(7n));
    look({});
    expect(seen).toMatchObject([{ streaming: true, latestEndLsn: 7n }]);
    expect(asked.times).toBe(1);
  });

  it.each([
    ['has heard of it', { latestEndLsn: lsnOf(9n) }, 9n],
    ['does not stream', { status: 'connecting' }, null],
  ])('and %s: nobody is asked', (_what, more, latestEndLsn) => {
    const { look, seen, asked } = proofOf(true, lsnOf(7n));
    look(more);
    expect(seen).toMatchObject([{ latestEndLsn }]);
    expect(asked.times).toBe(0);
  });

  it('is looked at no more once it is proved, and what was said is forgotten', () => {
    const { look, seen, asked } = proofOf(false, lsnOf(7n));
    look({});
    expect(seen).toEqual([]);
    expect(asked).toEqual({ times: 0, forgotten: 1 });
  });
});
