/**
 * All controllers stopped at once: by default, and with a member that does not promise. `npm run test:all`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../apps/cli/src/demo/until.ts';
import { TestCluster } from '../cluster.ts';

const LIMIT_MS = 30_000;

const cluster = TestCluster.onLoopback();
let primary: string;

beforeAll(async () => {
  await cluster.bootstrap();
});

afterAll(async () => {
  await cluster.remove();
});

async function stopControllers(): Promise<void> {
  await Promise.all([...cluster.running.controllers.values()].map((one) => one.killForGood()));
}

function startControllers(): void {
  for (const controller of cluster.running.controllers.values()) controller.start();
}

async function untilPostgresIs(state: 'down' | 'up'): Promise<void> {
  await until(`PostgreSQL of ${primary} ${state}`, { limitMs: LIMIT_MS }, async () => {
    const pid = cluster.postmasterPid(primary);
    return (pid === null) === (state === 'down') ? { value: true } : { instead: `pid ${pid}` };
  });
}

async function roles(): Promise<string[]> {
  return (await cluster.running.observe()).hosts.map(({ kind }) => kind).toSorted();
}

describe('all controllers are gone', () => {
  it('by default the primary stops at its deadline, and goes on once they are back', async () => {
    primary = await cluster.healthy();
    await stopControllers();
    await untilPostgresIs('down');
    expect(await roles()).toEqual(['standby', 'standby', 'unreachable']);
    startControllers();
    const outage = await cluster.recovered('all controllers stopped, failsafe off');
    expect(outage).toMatchObject({ dual: 0, lost: 0 });
  });

  it('with failsafe and one member silent the primary stops: all of them have to promise', async () => {
    const turnedOn = await cluster.matriarch('config', 'set', '--setting', 'failsafe=true');
    expect(turnedOn).toMatchObject({ exitCode: 0 });
    primary = await cluster.healthy();
    const silent = cluster.running.plan.instances.find(({ name }) => name !== primary);
    if (silent === undefined) throw new Error('a cluster of three has standbys');
    cluster.agent(silent.name).signal('SIGSTOP');
    await stopControllers();
    await untilPostgresIs('down');
    cluster.agent(silent.name).signal('SIGCONT');
    startControllers();
    const outage = await cluster.recovered('all controllers stopped, a member silent');
    expect(outage).toMatchObject({ dual: 0, lost: 0 });
  });
});
