import { expect, it } from 'vitest';
import { endTheRest } from './end-the-rest.ts';
import type { StopStage } from './ports.ts';

type Look = { readonly stage: StopStage; readonly works: boolean };

/** A PostgreSQL that is being stopped, as each look finds it; the last one stays so. */
function stopping(looks: readonly Look[]) {
  const done: string[] = [];
  let at = 0;
  const now = (): Look => looks[Math.min(at, looks.length - 1)] ?? CLIENTS;
  const postmaster = {
    state: 'stopping' as 'stopping' | 'down',
    lastWorkers: () => ({
      areLeft: () => now().works,
      letSendersEnd: () => void done.push('senders told'),
    }),
    stopImmediate: () => void done.push('ended'),
  };
  const files = { stopStage: async () => now().stage };
  const pause = async () => {
    at += 1;
    if (at > 20) postmaster.state = 'down';
  };
  const stages: StopStage[] = [];
  const run = (isStillWanted = () => true, parts = { files, postmaster, pause }) =>
    endTheRest(parts, isStillWanted, (stage) => void stages.push(stage));
  return { parts: { files, postmaster, pause }, run, done, stages, looked: () => at };
}

const CLIENTS: Look = { stage: 'clients', works: true };
const WRITES: Look = { stage: 'checkpoint', works: true };
const SENDS: Look = { stage: 'written', works: true };
const ENDS: Look = { stage: 'written', works: false };

it('ends what is left once everything was written and sent, and says how far it came', async () => {
  const { run, done, stages, looked } = stopping([CLIENTS, WRITES, SENDS, SENDS, ENDS]);
  await run();
  expect(done).toEqual(['senders told', 'ended']);
  expect(looked()).toBe(4);
  expect(stages).toEqual(['clients', 'checkpoint', 'written', 'written', 'written']);
});

it.each([
  ['while a walsender sends the last record', SENDS, ['senders told']],
  ['while the last record is not written, whatever is left', { ...WRITES, works: false }, []],
])('ends nothing %s', async (_when, look, expected) => {
  const { run, done } = stopping([look]);
  await run();
  expect(done).toEqual(expected);
});

it('leaves the deadline of a stop that came meanwhile as it is', async () => {
  const { parts, run, done } = stopping([ENDS]);
  let wanted = true;
  const files = {
    stopStage: async (): Promise<StopStage> => {
      wanted = false;
      return 'written';
    },
  };
  await run(() => wanted, { ...parts, files });
  expect(done).toEqual([]);
});
