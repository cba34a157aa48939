import { describe, expect, it } from 'vitest';
import type { WokenLeaderResult } from '#libs/testing';
import { projectRoot } from './project-root.ts';
import { SimulatorBundle } from './raft-bundle.ts';
import type { ScheduleOrder } from './schedule-worker.ts';
import type { SourcePatch } from './source-patch.ts';
import { ROUND_WITHOUT_QUORUM, SIMULATED_READ_WITHOUT_ROUND } from './stale-reads.ts';

const SEEDS = 20;

async function follow(
  schedule: ScheduleOrder['schedule'],
  patch: SourcePatch | null,
): Promise<readonly WokenLeaderResult[]> {
  const patches = patch === null ? [] : [patch];
  const bundle = await SimulatorBundle.create<ScheduleOrder, readonly WokenLeaderResult[]>(
    projectRoot(),
    patches,
    'schedule-worker',
  );
  try {
    return await bundle.run({ schedule, seeds: SEEDS });
  } finally {
    await bundle.close();
  }
}

describe('a leader that slept while the others, cut off from it, elected and wrote', () => {
  it('answers nothing of its own accord', async () => {
    const results = await follow('wokenLeader', null);
    expect(results.map(({ violation }) => violation)).toEqual(results.map(() => null));
    // Both writes, and the read of the new leader.
    expect(results.map(({ history }) => history.length)).toEqual(results.map(() => 3));
  });

  it(`would give stale reads otherwise: ${SIMULATED_READ_WITHOUT_ROUND.name}`, async () => {
    for (const { violation, history } of await follow(
      'wokenLeader',
      SIMULATED_READ_WITHOUT_ROUND,
    )) {
      expect(violation).toMatch(/^the history of the registers is linearizable/);
      expect(history.map(({ output }) => output)).toContainEqual({ type: 'read', value: 'before' });
    }
  });

  it(`would give stale reads otherwise: ${ROUND_WITHOUT_QUORUM.name}`, async () => {
    for (const { violation } of await follow('wokenLeader', ROUND_WITHOUT_QUORUM)) {
      expect(violation).toMatch(/round/);
    }
  });
});

/** Takes messages to any seat: then its own of before would do, had the tool left it that. */
const ANY_SEAT: SourcePatch = {
  file: 'libs/raft/src/step.ts',
  find: 'if (message.to !== state.self || message.from === state.self) return;',
  replace: 'if (message.from === state.self) return;',
};
const SAME_SEAT: SourcePatch = {
  file: 'libs/raft/src/seats.ts',
  find: '  const id = seatAt(index);\n',
  replace: '  const { id } = survivor;\n',
};

describe('a survivor that was forced, and then the majority comes back', () => {
  it('is led by nobody but itself, and leads nobody else', async () => {
    const results = await follow('forcedGroup', null);
    expect(results.map(({ violation }) => violation)).toEqual(results.map(() => null));
  });

  it.each([
    { name: 'messages to any seat are taken', patch: ANY_SEAT },
    { name: 'it keeps its seat', patch: SAME_SEAT },
  ])('would be overruled otherwise: $name', async ({ patch }) => {
    for (const { violation } of await follow('forcedGroup', patch)) {
      expect(violation).not.toBeNull();
    }
  });
});
