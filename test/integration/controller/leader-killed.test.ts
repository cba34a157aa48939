import { afterEach, describe, expect, it } from 'vitest';
import { ControllerProcesses } from './controller-processes.ts';
import { until } from './controllers.ts';

/** Whoever leads much sooner has not waited for it; a first election that is missed may wait for it once. */
const ELECTION_MS = 10_000;

describe('a leading controller that is killed', () => {
  let controllers: ControllerProcesses;
  afterEach(() => controllers.close());

  it('is followed by another as soon as its connections end, without an election timeout', async () => {
    controllers = await ControllerProcesses.make(null, { electionMs: ELECTION_MS });
    controllers.startAll();
    const old = await controllers.leader();
    // Whoever asks one that is just starting asks again an election timeout later.
    await until('all follow and reach each other', async () => {
      const seats = await Promise.all(controllers.names.map((name) => controllers.seats(name)));
      return seats.every(
        (seen) => seen?.leader === old && seen.controllers.every(({ reachable }) => reachable),
      );
    });
    await controllers.kill(old);
    const killedMs = performance.now();
    const next = await until('another leads', async () => {
      for (const name of controllers.names) {
        const seen = name === old ? null : await controllers.seats(name);
        if (seen !== null && seen.leader !== old && seen.leader === name) return name;
      }
      return undefined;
    });
    expect(performance.now() - killedMs).toBeLessThan(ELECTION_MS / 2);
    // Who comes back follows, and the term in which it led is over.
    controllers.start(old);
    await until('it follows', async () => (await controllers.seats(old))?.leader === next);
  });
});
