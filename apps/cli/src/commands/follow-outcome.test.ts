import pc from 'picocolors';
import { afterEach, describe, expect, it } from 'vitest';
import { sseMessage } from '#libs/api';
import { ApiClient } from '../api/api-client.ts';
import type { Terminal } from '../terminal.ts';
import { FakeController } from '../testing/fake-controller.ts';
import { cluster, instance, recorded } from '../testing/fixtures.ts';
import { followToEnd } from './follow-outcome.ts';

const started: FakeController[] = [];

afterEach(async () => {
  for (const fake of started.splice(0)) await fake.stop();
});

/** Nobody watches: as in a log, or piped into a file. */
function silentTerminal(): { readonly terminal: Terminal; readonly notes: string[] } {
  const notes: string[] = [];
  const nothing = (): void => {};
  const shape = { columns: 120, colors: pc.createColors(false), format: 'table' } as const;
  const note = (text: string): void => void notes.push(text);
  return {
    terminal: { ...shape, interactive: false, line: nothing, note, transient: nothing, ask: null },
    notes,
  };
}

describe('an operation that takes its time', () => {
  it('says what it waits for, and tells it again only when that is another', async () => {
    const checkpoint = 'checkpoint before the switchover';
    const said = [{ activity: checkpoint }, { activity: checkpoint }, { problem: 'disk full' }];
    let looks = 0;
    let end = (): void => undefined;
    const fake = await FakeController.start(({ path }, response) => {
      if (path.includes('/stream')) {
        const abandoned = { type: 'SwitchoverAbandoned', reason: 'disk full' };
        end = () => response.write(sseMessage(recorded(34, 'given up', abandoned)));
        response.write(': hello\n\n');
        return null;
      }
      const instances = [instance({ name: 'pg1', ...said[Math.min(looks, said.length - 1)] })];
      looks += 1;
      // The look after the last one that says something new finds nothing to tell again.
      if (looks > said.length) end();
      const operation = 'switchover from pg1 to pg2: the primary stops';
      return { status: 200, body: cluster({ operation, instances }) };
    });
    started.push(fake);
    const { terminal, notes } = silentTerminal();
    const client = new ApiClient({ urls: [new URL(fake.url)], tls: null });
    const asked = { cluster: 'main', after: 33, timeoutMs: 10_000, terminal };
    expect(await followToEnd(client, asked)).toEqual({
      kind: 'ended',
      end: { kind: 'givenUp', reason: 'disk full' },
    });
    expect(
      notes.map((note) => note.replace(/^ {2}after [0-9.]+ m?s/, 'after')).slice(0, 2),
    ).toEqual([
      `after: switchover from pg1 to pg2: the primary stops; pg1: ${checkpoint}`,
      'after: switchover from pg1 to pg2: the primary stops; pg1: disk full',
    ]);
    expect(notes).toHaveLength(3);
  });
});
