import { expect, it } from 'vitest';
import { SilenceMeter } from './silence-meter.ts';

function meter(): SilenceMeter {
  const made = new SilenceMeter(800, 0);
  made.asked();
  return made;
}

it('calls a guard silent after the limit of normal turns', () => {
  const silence = meter();
  const verdicts = Array.from({ length: 9 }, (_, turn) => silence.turn((turn + 1) * 100));
  expect(verdicts.slice(0, 7).every((verdict) => verdict === 'fine')).toBe(true);
  expect(verdicts[7]).toBe('silent');
});

it('does not count the time in which this process itself was stopped', () => {
  const silence = meter();
  expect(silence.turn(100)).toBe('fine');
  expect(silence.turn(2_600)).toBe('ask-again');
  silence.asked();
  expect(silence.turn(2_700)).toBe('fine');
});

it('begins anew with each message', () => {
  const silence = meter();
  for (let nowMs = 100; nowMs <= 700; nowMs += 100) silence.turn(nowMs);
  silence.heard();
  expect(silence.turn(800)).toBe('ask-again');
  silence.asked();
  expect(silence.turn(900)).toBe('fine');
});
