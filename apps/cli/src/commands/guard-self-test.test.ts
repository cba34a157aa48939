import { expect, it } from 'vitest';
import { guardSelfTest, outcomeOf } from './guard-self-test.ts';

it('shows on this host that the death signal arrives', async () => {
  const { exitCode, result } = await guardSelfTest(undefined);
  expect(result).toMatchObject({ deathSignal: true });
  expect(exitCode).toBe(0);
});

it('fails with the reason and where to look', () => {
  const { exitCode, text } = outcomeOf({ kind: 'failed', reason: 'the child lived on' });
  expect(exitCode).toBe(1);
  expect(text).toMatch(/the child lived on.*getcap/);
});
