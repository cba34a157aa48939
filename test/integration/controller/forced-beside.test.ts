import { afterEach, describe, expect, it } from 'vitest';
import { runCli } from '../../../apps/cli/src/run-cli.ts';
import { ThreeControllers, until } from './controllers.ts';

describe('a survivor that was forced, when the majority comes back after all', () => {
  let group: ThreeControllers;
  afterEach(() => group.close());

  async function force(name: string): Promise<void> {
    const out: string[] = [];
    const directory = group.directoryOf(name);
    const exitCode = await runCli(
      ['--json', 'controllers', 'force-new-cluster', '--directory', directory],
      { out: (text) => void out.push(text), err: () => undefined },
    );
    expect(exitCode, out.join('')).toBe(0);
  }

  const statusOf = (name: string) => group.running.get(name)?.replica.host.status();

  it('goes on alone, and stops those that it left behind', async () => {
    group = await ThreeControllers.make();
    await group.startAll();
    await group.leader();
    for (const name of group.founders) await group.stop(name);
    await force('c1');
    await group.start('c1');
    await group.leader();
    const before = statusOf('c1');
    // Against the runbook, on their directories of before: the two are a majority of what they know.
    await Promise.all(['c2', 'c3'].map((name) => group.start(name)));
    for (const name of ['c2', 'c3']) {
      await until(`${name} stops`, () => group.removed.has(name) && !group.running.has(name));
      expect(group.removed.get(name)).toContain(`controller '${name}'`);
      expect(group.removed.get(name)).toContain('was removed from its group');
    }
    expect(statusOf('c1')).toMatchObject({
      ...{ role: 'leader', serving: true, term: before?.term },
      membership: before?.membership,
    });
  });
});
