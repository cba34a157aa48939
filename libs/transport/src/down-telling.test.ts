import { expect, it } from 'vitest';
import { DownTelling } from './down-telling.ts';

it('one episode is told once, with a new reason at most once a minute', () => {
  let now = 0;
  const telling = new DownTelling(() => now);
  const toldAt: string[] = [];
  for (; now < 300_000; now += 1_000) {
    const second = now / 1_000;
    const why =
      second >= 30 && second % 40 === 0 ? 'unknown host' : ['refused', 'timeout'][second % 2];
    if (telling.isNews(why ?? '')) toldAt.push(`${second} ${why}`);
  }
  expect(toldAt).toEqual(['0 refused', '61 timeout', '160 unknown host']);
  expect(telling.over()).toBe(true);
  expect(telling.over()).toBe(false);
  expect(telling.isNews('refused')).toBe(true);
});
