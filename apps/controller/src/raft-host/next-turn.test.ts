import { expect, it } from 'vitest';
import { NextTurn } from './next-turn.ts';

const afterThisPhase = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const betweenTwoSockets = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

function busyFor(forMs: number): void {
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs);
}

function counted() {
  const done: string[] = [];
  const turn = new NextTurn((between) => {
    done.push(between ? 'between' : 'turn');
  });
  return { turn, done };
}

it('work is done once in the next turn, however often it is asked for', async () => {
  const { turn, done } = counted();
  for (let asks = 0; asks < 3; asks += 1) turn.ask();
  await betweenTwoSockets();
  expect([turn.asked, ...done]).toEqual([true]);
  await afterThisPhase();
  expect([turn.asked, ...done]).toEqual([false, 'turn']);
});

it('work that waits while sockets are read and read begins between two of them, and once', async () => {
  const { turn, done } = counted();
  turn.ask();
  busyFor(30);
  turn.ask();
  turn.ask();
  expect(done).toEqual([]);
  await betweenTwoSockets();
  expect([turn.asked, ...done]).toEqual([false, 'between']);
  await afterThisPhase();
  expect(done).toEqual(['between']);
});

it('what was asked for and has not begun is left out once it was stopped', async () => {
  const { turn, done } = counted();
  turn.ask();
  busyFor(30);
  turn.ask();
  turn.stop();
  await betweenTwoSockets();
  await afterThisPhase();
  expect(done).toEqual([]);
});
