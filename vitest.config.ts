import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['source'] };
const ssr = { resolve: { conditions: ['source', 'node', 'module', 'default'] } };
const setupFiles = ['./test/setup.ts'];

/** What takes minutes is for `npm run test:all`. */
const LONG = process.env['MATRIARCH_TEST_ALL'] === undefined ? [] : ['test/long/**/*.test.ts'];

/** Real processes share two cores and real ports: their files run one after another. */
const oneAtATime = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 };

/** Properties of a second's work, on a machine that does much else: slow is no failure. */
const BUSY_MACHINE_MS = 60_000;

/** Whole clusters through long outages, and what takes more than half a minute: with `npm run test:all` only. */
const SLOW =
  process.env['MATRIARCH_TEST_ALL'] === undefined
    ? ['test/e2e/thorough/**', '**/*.slow.test.ts']
    : [];

export default defineConfig({
  test: {
    reporters: ['default', './test/plain-summary-reporter.ts'],
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'unit',
          include: ['{apps,libs}/**/*.test.ts', 'test/{chaos,command-line}/*.test.ts'],
          setupFiles,
          testTimeout: BUSY_MACHINE_MS,
          hookTimeout: BUSY_MACHINE_MS,
        },
      },
      { resolve, ssr, test: { name: 'tidy', include: ['tools/**/*.test.ts'] } },
      {
        resolve,
        ssr,
        test: {
          name: 'transcripts',
          include: ['test/transcripts/**/*.test.ts'],
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          testTimeout: 600_000,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'integration',
          include: [
            'test/integration/**/*.test.ts',
            'test/e2e/**/*.test.ts',
            'test/hosts/**/*.test.ts',
            ...LONG,
          ],
          exclude: SLOW,
          setupFiles,
          globalSetup: './test/integration/sweep/sweep-after-run.ts',
          ...oneAtATime,
        },
      },
    ],
  },
});
