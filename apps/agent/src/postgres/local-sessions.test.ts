import { expect, it } from 'vitest';
import type { SqlSession } from '#libs/postgres-run';
import type { LocalInstance } from './local-instance.ts';
import { LocalSessions } from './local-sessions.ts';

class FakeSession {
  waiting = 0;
  ended = 0;

  end(): Promise<void> {
    this.ended += 1;
    return Promise.resolve();
  }
}

it('before a stop idle sessions take leave, and a statement under way is left to itself', async () => {
  const made: FakeSession[] = [];
  const session = (): SqlSession => {
    const fake = new FakeSession();
    made.push(fake);
    return fake as unknown as SqlSession;
  };
  const sessions = new LocalSessions({ session } as unknown as LocalInstance, () => 'postgres');
  await sessions.leave();
  expect(made).toEqual([]);
  void sessions.looks;
  void sessions.steps;
  const [looks, steps] = made as [FakeSession, FakeSession];
  looks.waiting = 1;
  await sessions.leave();
  expect([looks.ended, steps.ended]).toEqual([0, 1]);
});
