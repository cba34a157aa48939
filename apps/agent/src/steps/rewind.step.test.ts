import { beforeEach, expect, it, vi } from 'vitest';
import type { MemberRecord } from '#libs/cluster';
import { timelineId } from '#libs/kernel';
import { createLogger } from '#libs/observability';
import { rewindTo } from './rewind.step.ts';
import type { StepContext } from './step-context.ts';
import { NotPermittedError } from './step-error.ts';

const done = vi.hoisted(() => ({ outcome: 'rewound', steps: [] as string[] }));

vi.mock('#libs/postgres-run', async (original) => ({
  ...(await original<object>()),
  rewind: async () => {
    done.steps.push('pg_rewind');
    return { kind: done.outcome, output: '', durationMs: 1 };
  },
}));
vi.mock('#libs/backup', async (original) => ({
  ...(await original<object>()),
  askAdmission: async () => ({ checks: [] }),
}));
vi.mock('../rebuild/rebuild-sources.ts', () => ({ serverOf: () => ({ streams: true }) }));
vi.mock('./keep-diverged-wal.ts', () => ({ keepDivergedWal: async () => undefined }));
vi.mock('./ask-upstream.ts', () => ({
  presentUpstream: async (_context: unknown, upstream: unknown) => upstream,
  askUpstream: async () => timelineId(2),
}));

const PG2 = { name: 'pg2' } as unknown as MemberRecord;

beforeEach(() => {
  done.steps.length = 0;
});

/** Of an old primary of three members, whose leader permits the rewind or not. */
function oldPrimary(refusal: Error | null = null): StepContext {
  const context = {
    local: { dataDirectory: '/data', installation: {}, remote: () => ({}), passFile: '/pass' },
    state: { members: { pg1: {}, pg2: {}, pg3: {} } },
    observer: { latest: null, forgetDirectory: () => undefined },
    desk: {
      rewound: () => done.steps.push('rewound'),
      rewindDidNot: (why: string) => done.steps.push(`did not: ${why}`),
    },
    log: createLogger({ process: 'test', level: 'fatal' }),
    setActivity: () => undefined,
    needCredentials: async () => undefined,
    permitDestruction: async () => {
      done.steps.push('asked');
      if (refusal !== null) throw refusal;
    },
  };
  return context as unknown as StepContext;
}

it('an instance is changed in place once that is permitted, and not before (safety 4)', async () => {
  done.outcome = 'rewound';
  await rewindTo(oldPrimary(), PG2, timelineId(2));
  expect(done.steps).toEqual(['asked', 'pg_rewind', 'rewound']);
});

it('where nobody else has all data it stays as it is (safety 25)', async () => {
  const refusal = new NotPermittedError('nobody else streams', true);
  await expect(rewindTo(oldPrimary(refusal), PG2, timelineId(2))).rejects.toThrow('nobody else');
  expect(done.steps).toEqual(['asked']);
});

it('that pg_rewind sees nothing to do on it is a failure of the method (safety 17)', async () => {
  done.outcome = 'not-required';
  await rewindTo(oldPrimary(), PG2, timelineId(2));
  expect(done.steps).toEqual(['asked', 'pg_rewind', 'did not: it saw nothing to do']);
});
