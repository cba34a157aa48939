import { expect, it } from 'vitest';
import { SilenceMeter } from './silence-meter.ts';

function meter(): SilenceMeter {
  const made = new SilenceMeter(800, 0);
  made.asked();
  return made;
}

/** A turn at `nowMs`, planned for it. */
function turn(silence: SilenceMeter, nowMs: number): ReturnType<SilenceMeter['turn']> {
  silence.turnIn(0, nowMs);
  return silence.turn(nowMs);
}

it('calls a guard silent after the limit of normal turns', () => {
  const silence = meter();
  const verdicts = Array.from({ length: 9 }, (_, at) => turn(silence, (at + 1) * 100));
  expect(verdicts.slice(0, 7).every((verdict) => verdict === 'fine')).toBe(true);
  expect(verdicts[7]).toBe('silent');
});

it('does not count the time in which this process itself was stopped', () => {
  const silence = meter();
  expect(turn(silence, 100)).toBe('fine');
  silence.turnIn(200, 100);
  expect(silence.turn(2_600)).toBe('ask-again');
  silence.asked();
  expect(turn(silence, 2_700)).toBe('fine');
});

it('given a turn that was planned for late, does not take it for a pause', () => {
  const silence = meter();
  silence.turnIn(1_000, 0);
  expect(silence.turn(1_010)).toBe('silent');
});

it('begins anew with each message', () => {
  const silence = meter();
  for (let nowMs = 100; nowMs <= 700; nowMs += 100) turn(silence, nowMs);
  silence.heard();
  expect(turn(silence, 800)).toBe('ask-again');
  silence.asked();
  expect(turn(silence, 900)).toBe('fine');
});
