/**
 * The leading controller is killed at each single step of a switchover and of a failover: another one goes on with
 * it from the log. The simulator does so at each event of every saga; here all of it is real. `npm run test:all`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { present } from '#libs/kernel';
import { until } from '../../../apps/cli/src/demo/until.ts';
import { TestCluster } from '../cluster.ts';

const LIMIT_MS = 30_000;
/** Between the step and the kill the leader may have come further: such a try showed nothing. */
const TRIES = 3;

type Recorded = { readonly sequence: number; readonly event: { readonly type: string } };

describe.each([
  { mode: 'off', fence: 'LeaseExpired' },
  { mode: 'priority', fence: 'LeaseFenced' },
])('synchronousMode $mode', ({ mode, fence }) => {
  let cluster: TestCluster;
  let primary: string;

  beforeAll(async () => {
    cluster = await TestCluster.inNamespaces({ synchronousMode: mode });
    await cluster.bootstrap();
  });

  afterAll(async () => {
    await (cluster as TestCluster | undefined)?.remove();
  });

  async function eventsAfter(sequence: number): Promise<readonly Recorded[]> {
    return (await cluster.api.events(sequence)).events as readonly Recorded[];
  }

  async function lastSequence(): Promise<number> {
    let last = 0;
    for (;;) {
      const newest = (await eventsAfter(last)).at(-1);
      if (newest === undefined) return last;
      last = newest.sequence;
    }
  }

  /** @returns what had happened when the leader was killed, and who that was. */
  async function killLeaderAfter(
    step: string,
    since: number,
  ): Promise<{ readonly leader: string; readonly until: number }> {
    const leader = await cluster.leader();
    const controller = present(cluster.running.controllers.get(leader), 'it was started by us');
    return await until(`event ${step}`, { limitMs: LIMIT_MS, intervalMs: 1 }, async () => {
      const seen = await eventsAfter(since);
      const reached = seen.find(({ event }) => event.type === step);
      if (reached === undefined) return { instead: seen.map(({ event }) => event.type).join() };
      controller.signal('SIGKILL');
      return { value: { leader, until: present(seen.at(-1), 'one was found').sequence } };
    });
  }

  async function completed(since: number, ends: string): Promise<Recorded> {
    return await until(ends, { limitMs: LIMIT_MS }, async () => {
      const seen = await eventsAfter(since);
      const last = seen.find(({ event }) => event.type === ends);
      return last === undefined
        ? { instead: seen.map(({ event }) => event.type).join() }
        : { value: last };
    });
  }

  /** Once more where the leader was faster than the signal. */
  async function cutAfter(step: string, ends: string, begin: () => Promise<void>): Promise<void> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      primary = await cluster.healthy();
      const since = await lastSequence();
      const [killed] = await Promise.all([killLeaderAfter(step, since), begin()]);
      const end = await completed(since, ends);
      const outage = await cluster.recovered(`${mode}: leader killed after ${step}`, 1);
      expect(outage).toMatchObject({ dual: 0, lost: 0 });
      expect(outage.primary).not.toBe(primary);
      expect(await cluster.leader()).not.toBe(killed.leader);
      await cluster.network?.heal(cluster.hostOf(primary));
      if (end.sequence > killed.until) return;
    }
    expect.fail(`the leader was never killed between ${step} and ${ends}`);
  }

  // Promoted and the end of a saga are one write: between them there is nothing to go on with.
  it.each(['SwitchoverStarted', 'LeaseReleased'])('a switchover goes on after %s', async (step) => {
    await cutAfter(step, 'SwitchoverCompleted', async () => await cluster.api.switchover());
  });

  it.each(['FailoverStarted', fence, 'LeaseGranted'])(
    'a failover goes on after %s',
    async (step) => {
      await cutAfter(step, 'FailoverCompleted', async () => {
        await cluster.network?.cut(cluster.hostOf(primary));
      });
    },
  );
});
