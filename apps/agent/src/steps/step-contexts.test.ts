import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { epoch } from '#libs/kernel';
import { ActedMemoryFile } from '../state-directory/acted-memory-file.ts';
import type { StepContext } from './step-context.ts';
import { type StepContextParts, StepContexts } from './step-contexts.ts';
import { NotPermittedError, NotYetError } from './step-error.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'contexts-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** What a step works with where leader and guard answer so; and who was asked, in order. */
function context({
  leader = { permitted: true, why: '' } as { permitted: boolean; why: string; inPlace?: boolean },
  guard = async (): Promise<unknown> => undefined,
  promised = null as { epoch: number } | null,
}): { made: StepContext; asked: string[] } {
  const asked: string[] = [];
  const state = { version: 12 } as ClusterState;
  const parts = {
    controllers: {
      askLeader: async (pattern: string, ask: { version: number }) => {
        asked.push(`leader: ${pattern} ${ask.version}`);
        return leader;
      },
    },
    guard: {
      ask: async ({ type }: { type: string }) => {
        asked.push(`guard: ${type}`);
        return guard();
      },
    },
    sessions: {},
    memory: new ActedMemoryFile(directory),
    currentState: () => state,
    promised: () => promised,
  };
  const contexts = new StepContexts(parts as unknown as StepContextParts);
  return { made: contexts.make(state, new AbortController().signal), asked };
}

const IN_PLACE = { inPlace: true };

it('what destroys is asked of the leader, then of the guard (safety 4)', async () => {
  const { made, asked } = context({});
  await made.permitDestruction('rewind', IN_PLACE);
  expect(asked).toEqual(['leader: permitDestruction 12', 'guard: permitDestruction']);
});

it('and not done where the leader does not permit it', async () => {
  const leader = { permitted: false, why: 'nobody else has all data', inPlace: true };
  const { made, asked } = context({ leader });
  const refused = made.permitDestruction('rewind', IN_PLACE);
  await expect(refused).rejects.toMatchObject({ inPlace: true });
  await expect(refused).rejects.toBeInstanceOf(NotPermittedError);
  expect(asked).toHaveLength(1);
});

it('nor while the guard holds a lease or PostgreSQL runs', async () => {
  const guard = () => Promise.reject(new Error('postgresql is running'));
  const { made } = context({ guard });
  await expect(made.permitDestruction('rebuild', IN_PLACE)).rejects.toThrow(
    'postgresql is running',
  );
});

it('a promise to follow no primary is on disk when it counts (safety 4)', () => {
  const { made } = context({});
  expect(made.promiseDetached(epoch(7)).detachedThroughEpoch).toBe(7);
  expect(new ActedMemoryFile(directory).memory.detachedThroughEpoch).toBe(7);
});

it('and is not given by who has promised that primary to stay with it (safety 11)', () => {
  const { made } = context({ promised: { epoch: 7 } });
  expect(() => made.promiseDetached(epoch(7))).toThrow(NotYetError);
  expect(new ActedMemoryFile(directory).memory.detachedThroughEpoch).toBe(0);
  expect(made.promiseDetached(epoch(6)).detachedThroughEpoch).toBe(6);
});
