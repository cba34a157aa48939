import { defineConfig } from 'vitest/config';

/** A run of one test that never ends, as `sweep.test.ts` kills it. */
export default defineConfig({
  test: {
    include: ['test/integration/sweep/killed-run.fixture.ts'],
    globalSetup: './test/integration/sweep/sweep-after-run.ts',
    testTimeout: 120_000,
  },
});
