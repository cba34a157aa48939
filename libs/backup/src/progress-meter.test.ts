import { expect, it } from 'vitest';
import { ProgressMeter } from './progress-meter.ts';

it('tells rate and time left from the last ten seconds', () => {
  const meter = new ProgressMeter();
  meter.note(0, 0, 1_000);
  expect(meter.progress.bytesPerSecond).toBeNull();
  for (let second = 1; second <= 20; second += 1) meter.note(second * 1_000, second * 10, 1_000);
  expect(meter.progress).toEqual({
    doneBytes: 200n,
    totalBytes: 1_000n,
    bytesPerSecond: 10,
    secondsLeft: 80,
  });
  for (let second = 21; second <= 40; second += 1) meter.note(second * 1_000, 200, 1_000);
  expect(meter.progress.secondsLeft).toBeNull();
});
