import { afterEach, describe, expect, it } from 'vitest';
import { checkLinearizable, type Operation } from '#libs/testing';
import type { SourcePatch } from '../simulation/source-patch.ts';
import { BUILT_READ_WITHOUT_ROUND, ROUND_WITHOUT_QUORUM } from '../simulation/stale-reads.ts';
import { ControllerProcesses } from './controller/controller-processes.ts';
import { WokenLeader } from './linearizability/woken-leader.ts';

const LONG = process.env['MATRIARCH_TEST_ALL'] === '1';
/** Leadership may move just before the leader sleeps: then the schedule is another one, and shows nothing. */
const TRIES = 5;
const TEST_LIMIT_MS = 300_000;

/**
 * The schedule of `test/simulation/woken-leader.test.ts` with three real processes. It tells a controller
 * that proves its leadership for each read from one that does not: whatever WGL says of calmer histories, a
 * leader that is only cut off steps down before others elect, so that nobody ever gets its stale answers.
 */
describe('a leader that slept while the others, cut off from it, elected and wrote', () => {
  let processes: ControllerProcesses;
  afterEach(() => processes.close());

  async function follow(
    patch: SourcePatch | null,
    enough: (history: readonly Operation[]) => boolean,
  ): Promise<readonly Operation[]> {
    processes = await ControllerProcesses.make(patch);
    processes.startAll();
    const schedule = await WokenLeader.on(processes);
    try {
      for (let round = 1; round <= TRIES; round += 1) {
        await schedule.once(`k${round}`);
        if (enough(schedule.history)) break;
      }
      return schedule.history;
    } finally {
      schedule.close();
    }
  }

  const isStale = (history: readonly Operation[]): boolean =>
    checkLinearizable(history).kind === 'violation';

  it(
    'answers nothing of its own accord',
    async () => {
      const history = await follow(null, () => !LONG);
      expect(checkLinearizable(history)).toEqual({ kind: 'linearizable' });
      expect(history.at(-1)).toMatchObject({ output: { type: 'read', value: 'after' } });
    },
    TEST_LIMIT_MS,
  );

  const planted = LONG
    ? [BUILT_READ_WITHOUT_ROUND, ROUND_WITHOUT_QUORUM]
    : [BUILT_READ_WITHOUT_ROUND];
  it.each(planted)(
    'would give stale reads otherwise: $name',
    async (patch) => {
      const history = await follow(patch, isStale);
      expect(checkLinearizable(history)).toMatchObject({ kind: 'violation' });
      expect(history.at(-1)).toMatchObject({ output: { type: 'read', value: 'before' } });
    },
    TEST_LIMIT_MS,
  );
});
