import { beforeEach, expect, it, vi } from 'vitest';
import { createLogger } from '#libs/observability';
import { putBack } from './put-back.step.ts';
import type { StepContext } from './step-context.ts';
import { NotPermittedError } from './step-error.ts';

const done = vi.hoisted(() => [] as string[]);

vi.mock('#libs/backup', async (original) => ({
  ...(await original<object>()),
  endReceivers: async (directory: string) => void done.push(`ended what copies into ${directory}`),
}));
vi.mock('#libs/postgres-run', async (original) => ({
  ...(await original<object>()),
  putBackAside: async (directory: string) => void done.push(`put back at ${directory}`),
}));

beforeEach(() => void done.splice(0));

/** Where the other data had proved itself detached. */
async function putsBack(refusal: Error | null = null) {
  const facts = { detached: { throughEpoch: 3 } as object | null };
  const context = {
    local: { dataDirectory: '/data', dataId: { renew: () => done.push('new id') } },
    facts,
    desk: {
      undone: () => done.push(`nothing is rebuilt, ${facts.detached ?? 'nothing'} is proved`),
    },
    observer: { forgetDirectory: () => done.push('looked at anew') },
    log: createLogger({ process: 'test', level: 'fatal' }),
    permitDestruction: async (step: string) => {
      done.push(`asked: ${step}`);
      if (refusal !== null) throw refusal;
    },
  };
  await putBack(context as unknown as StepContext);
  return facts;
}

it('what was said of the data before is taken back before the copy is put in its place (safety 4, 6, 14)', async () => {
  await putsBack();
  expect(done).toEqual([
    'asked: putBack',
    'nothing is rebuilt, nothing is proved',
    'new id',
    'ended what copies into /data.matriarch-new',
    'put back at /data',
    'looked at anew',
  ]);
});

it('nothing is touched where the leader does not ask for it any more (safety 4)', async () => {
  await expect(putsBack(new NotPermittedError("its goal is 'primary'", false))).rejects.toThrow();
  expect(done).toEqual(['asked: putBack']);
});
