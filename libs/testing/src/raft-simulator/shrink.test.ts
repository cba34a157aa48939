import { describe, expect, it } from 'vitest';
import { type LessWorld, shrinkSeed } from './shrink.ts';

describe('a failing run', () => {
  it('keeps only the faults it needs, and the shortest time', async () => {
    const attempt = async ({ without = [], safetyMs = 8_000 }: LessWorld) => {
      if (without.includes('crash')) return null;
      return safetyMs >= 3_000 ? 'log matching at index {"index":7}' : null;
    };
    const { less, violation } = await shrinkSeed('log matching at index {}', 8_000, attempt);
    expect(less.without).not.toContain('crash');
    expect(less.without).toContain('partition');
    expect(less.calmNetwork).toBe(true);
    expect(less.safetyMs).toBeGreaterThanOrEqual(3_000);
    expect(less.safetyMs).toBeLessThan(3_200);
    expect(violation).toBe('log matching at index {"index":7}');
  });

  it('is not exchanged for one that breaks another rule', async () => {
    const attempt = async () => 'election safety {}';
    expect((await shrinkSeed('log matching {}', 1_000, attempt)).less).toEqual({});
  });
});
