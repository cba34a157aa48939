/** A parameter with which PostgreSQL does not start, on a standby and on the primary: what worked comes back, with the reason. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configurationOf } from '#libs/cluster';
import { instanceName } from '#libs/kernel';
import { until } from '../until.ts';
import type { AgentHost } from './agent-host.ts';
import { AgentTrio, BOOT_LIMIT_MS } from './agent-trio.ts';

const GOOD = { shared_buffers: '16MB', work_mem: '5MB' };
const RESTART_FAILED = /does not start with revision \d+: FATAL: .*no_such_library/;
/** As `matriarch status` shows it, until there is another value. */
const PROBLEM =
  /does not start with revision \d+ \(FATAL: .*no_such_library.*\) and goes on with the parameters of before/;

let trio: AgentTrio;

beforeAll(async () => {
  trio = await AgentTrio.create();
  await trio.bootstrap({ parameters: GOOD });
});

afterAll(async () => {
  await trio?.remove();
});

function configure(parameters: Readonly<Record<string, string>>): void {
  const { state } = trio.leader;
  if (state === null) throw new Error('there is no cluster');
  const configuration = { ...configurationOf(state), parameters };
  const order = { configuration, expectedRevision: null, comment: null };
  expect(trio.leader.command({ type: 'configure', ...order }).kind).toBe('decided');
}

const problem = ({ name }: AgentHost) => trio.leader.report(name)?.problem ?? null;

it.each(['standby', 'primary'] as const)('a restart of the %s', async (role) => {
  const primary = trio.primary.name;
  const host = role === 'primary' ? trio.primary : trio.standbys[0];
  if (host === undefined) throw new Error('there is a standby');
  const before = trio.leader.events.length;
  const postmaster = host.postmasterPid();
  configure({ ...GOOD, work_mem: '6MB', shared_preload_libraries: 'no_such_library' });
  await until(
    () => (trio.leader.report(host.name)?.pendingRestart ?? []).length > 0,
    BOOT_LIMIT_MS,
  );
  const plan = { rolling: false, onlyPending: false, role: null, at: null };
  const order = { type: 'restart', instances: [instanceName(host.name)], ...plan } as const;
  expect(trio.leader.command(order).kind).toBe('decided');
  await until(() => trio.leader.state?.restart === null, BOOT_LIMIT_MS, 50);

  const events = trio.leader.events.slice(before).map(({ event }) => event);
  const ended = events.findLast(({ type }) => type === 'RestartEnded');
  expect(ended).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(RESTART_FAILED) });
  await until(() => PROBLEM.test(problem(host) ?? ''), BOOT_LIMIT_MS);
  await trio.streaming(2);
  expect(host.postmasterPid()).not.toBe(postmaster);
  // Nobody took over for it: the primary is the one that was, or the restart would have cost a failover.
  expect(trio.primary.name).toBe(primary);
  expect(events.map(({ type }) => type)).not.toContain('FailoverStarted');
  const shows = "SELECT current_setting('work_mem') = '5MB' AS holds";
  await trio.holds(() => host, shows);

  configure(GOOD);
  await until(() => trio.hosts.every((each) => problem(each) === null), BOOT_LIMIT_MS);
});

it('a crash of the primary while it waits for its restart', async () => {
  configure({ ...GOOD, shared_preload_libraries: 'no_such_library' });
  const { primary } = trio;
  const pending = () => trio.leader.report(primary.name)?.pendingRestart ?? [];
  await until(() => pending().length > 0, BOOT_LIMIT_MS);
  process.kill(primary.postmasterPid() ?? 0, 'SIGKILL');
  await until(() => PROBLEM.test(problem(primary) ?? ''), BOOT_LIMIT_MS, 20);
  await trio.streaming(2);
  configure(GOOD);
  await until(() => trio.hosts.every((each) => problem(each) === null), BOOT_LIMIT_MS);
  expect(trio.leader.problems).toEqual([]);
});
