import type { ChildProcess } from 'node:child_process';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { until } from '../until.ts';
import type { AgentStandIn } from './agent-stand-in.ts';
import { GuardBundle } from './guard-bundle.ts';
import { GuardedInstance } from './guarded-instance.ts';
import { ScriptedControllers } from './scripted-controllers.ts';
import { Writer } from './writer.ts';

export const LEASE_TTL_MS = 3_000;
export const STOP_BUDGET_MS = 300;
/** From the guard's `s` to the arrival at a controller of the same machine, and a busy machine. */
export const SLACK_MS = 60;
/** What is done at once; more than a busy machine takes, less than a lease. */
export const AT_ONCE_MS = 2_000;

/** A real guard over a real PostgreSQL; what it is told by its agent and its controllers is the test's. */
export type GuardRig = {
  bundle: GuardBundle;
  instance: GuardedInstance;
  controllers: ScriptedControllers;
  guard: ChildProcess;
  agent: AgentStandIn;
  /** Granted so far on this data directory. */
  epochs: number;
  /** A primary in a new epoch, with a client that writes all the time. */
  primary(): Promise<{ of: number; writer: Writer }>;
  /** No process of PostgreSQL is left. */
  untilGone(): Promise<boolean>;
};

/** One data directory for the tests of a file; guard, agent and controllers are new in each. */
export function guardRig(): GuardRig {
  const rig = { epochs: 0 } as GuardRig;
  rig.primary = () => primaryOf(rig);
  rig.untilGone = () => until(() => rig.instance.pids().length === 0, 10_000, 1);
  beforeAll(async () => {
    rig.bundle = await GuardBundle.create();
    rig.instance = await GuardedInstance.create();
  });
  beforeEach(async () => {
    rig.controllers = await ScriptedControllers.listen(rig.instance.authority);
    await rig.instance.configure(rig.controllers);
    rig.guard = rig.instance.spawnGuard(rig.bundle.script);
    rig.agent = await rig.instance.attach();
    await until(() => rig.controllers.connected === 3, 5_000);
  });
  afterEach(async () => {
    await rig.instance.end();
    await rig.controllers.close();
  });
  afterAll(() => {
    rig.instance.remove();
    rig.bundle.remove();
  });
  return rig;
}

async function primaryOf(rig: GuardRig): Promise<{ of: number; writer: Writer }> {
  rig.epochs += 1;
  const { controllers, agent, instance, epochs: of } = rig;
  controllers.grant(of, agent.state.incarnation);
  expect(await agent.acquire(of)).toBe('done');
  expect(await agent.start(of)).toBe('done');
  const writer = new Writer(await instance.connected());
  await writer.begin();
  await until(() => writer.acknowledged > 20, 5_000);
  return { of, writer };
}
