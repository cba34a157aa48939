import { InvariantError, messageOf } from '#libs/kernel';
import type { Operation } from '../linearizability/index.ts';
import { QuietWorld } from './quiet-world.ts';
import { Violation } from './violation.ts';

export type WokenLeaderResult = {
  readonly history: readonly Operation[];
  /** Null: every rule held, and the history is linearizable. */
  readonly violation: string | null;
};

const KEY = 'k';

/**
 * The schedule in which a leader that reads of its own accord gives a stale answer. It sleeps while the
 * others, cut off from it, elect and write; a client asks it; it wakes, has heard of nothing, and believes
 * for an election timeout that it leads. A leader that was only cut off steps down before others elect.
 */
export async function runWokenLeader(seed: number): Promise<WokenLeaderResult> {
  const world = new QuietWorld(seed);
  try {
    await follow(world);
    world.sessions.checkHistory();
  } catch (error) {
    if (!(error instanceof Violation) && !(error instanceof InvariantError)) throw error;
    return { history: world.history, violation: messageOf(error) };
  }
  return { history: world.history, violation: null };
}

async function follow(world: QuietWorld): Promise<void> {
  const old = await world.until('a leader serves', () => world.leader());
  await world.write(old, KEY, 'before');
  old.pause();
  for (const { id } of world.members) if (id !== old.id) world.network.cutBothWays(old.id, id);
  const next = await world.until('another leader serves', () => world.leader(old));
  await world.write(next, KEY, 'after');
  const asked = world.read(old, KEY);
  old.resume();
  await world.until('it answers, or leads no more', () =>
    asked.answered || !old.isLeader ? true : null,
  );
  const again = world.read(next, KEY);
  await world.until('the new leader answers', () => (again.answered ? true : null));
}
