import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runRaftSeed } from '#libs/testing';
import { raftSimulation } from './raft-simulation.ts';

const SEEDS = Number(process.env['RAFT_SEEDS'] ?? 2_000);
const FIRST_SEED = Number(process.env['RAFT_FIRST_SEED'] ?? 1);
const WORKERS = 2;

describe('the consensus machine in a simulated world', () => {
  let bundle: Awaited<ReturnType<typeof raftSimulation>>;

  beforeAll(async () => {
    bundle = await raftSimulation(null);
  });

  afterAll(async () => {
    await bundle.close();
  });

  it(`keeps every invariant in ${SEEDS} seeded runs`, async () => {
    const share = Math.ceil(SEEDS / WORKERS);
    const reports = await Promise.all(
      Array.from({ length: WORKERS }, (_, worker) =>
        bundle.run({
          firstSeed: FIRST_SEED + worker * share,
          count: share,
          stopAtViolation: false,
        }),
      ),
    );
    expect(
      reports.flatMap(({ failed }) => failed.map(({ seed, violation }) => ({ seed, violation }))),
    ).toEqual([]);
    const total = (name: string): number =>
      reports.reduce((sum, { totals }) => sum + (totals[name] ?? 0), 0);
    const names = new Set(reports.flatMap(({ totals }) => Object.keys(totals)));
    console.info([...names].map((name) => `${name} ${total(name)}`).join(', '));
    // A world in which nothing happens proves nothing.
    expect(total('acknowledged')).toBeGreaterThan(SEEDS * 50);
    expect(total('bareMajorities')).toBeGreaterThan(SEEDS / 20);
    expect(total('reads')).toBeGreaterThan(SEEDS * 20);
    expect(total('snapshotsInstalled')).toBeGreaterThan(SEEDS);
    expect(total('fetches')).toBeGreaterThan(SEEDS);
    expect(total('encoded')).toBeGreaterThan(SEEDS * 100);
    expect(total('flipsCaught')).toBeGreaterThan(SEEDS / 2);
    expect(total('recoveries')).toBeGreaterThan(SEEDS);
    expect(total('failedWrites')).toBeGreaterThan(SEEDS / 20);
    expect(total('damagedLogs')).toBeGreaterThan(SEEDS / 50);
    expect(total('disksReplaced')).toBeGreaterThan(SEEDS / 100);
    expect(total('isolated')).toBeGreaterThan(SEEDS / 200);
  });

  it('gives the same trace, byte for byte, for the same seed', async () => {
    for (const seed of [3, 17, 171]) {
      const first = await runRaftSeed(seed, { keepTrace: true });
      const second = await runRaftSeed(seed, { keepTrace: true });
      expect(first.trace.length).toBeGreaterThan(1_000);
      expect(second.trace === first.trace).toBe(true);
      expect(second.traceHash).toBe(first.traceHash);
    }
    expect((await runRaftSeed(3)).traceHash).not.toBe((await runRaftSeed(4)).traceHash);
  });
});
