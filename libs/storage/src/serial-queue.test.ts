import { describe, expect, it } from 'vitest';
import { SerialQueue } from './serial-queue.ts';

const LIMIT = 1_024;

/** A queue whose first job waits until `goOn`, as a write does on a hung disk. */
function hung() {
  const queue = new SerialQueue((cause) => new Error('wrapped', { cause }));
  const done: number[] = [];
  let goOn: () => void = () => undefined;
  const disk = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const write = async (at: number): Promise<number> => {
    await disk;
    done.push(at);
    return at;
  };
  const under = queue.run(() => write(0));
  const waiting = Array.from({ length: LIMIT }, (_, at) => queue.run(() => write(at + 1)));
  return { queue, done, goOn, all: [under, ...waiting], write };
}

describe('the queue of storage writes', () => {
  it('takes 1,024 beside the one under way; one more is refused by name, and nothing else is lost', async () => {
    const { queue, done, goOn, all, write } = hung();
    expect(queue.pending).toBe(LIMIT);
    await expect(queue.run(() => write(-1))).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      message: "queue 'storage writes' holds its limit of 1024 items: try again later",
    });
    expect(queue.failure).toBeNull();
    goOn();
    const expected = Array.from({ length: LIMIT + 1 }, (_, at) => at);
    expect(await Promise.all(all)).toEqual(expected);
    // In the order in which they came, and the refused one never ran.
    expect(done).toEqual(expected);
  });

  it('takes more as soon as one has ended', async () => {
    const { queue, goOn, all, write } = hung();
    goOn();
    // The one after it has begun by now.
    await all[1];
    expect(await queue.run(() => write(7))).toBe(7);
    await Promise.all(all);
    expect([queue.pending, queue.idle]).toEqual([0, true]);
  });

  it('refuses all that waits, and all that comes, with the first failure', async () => {
    const { queue, done, goOn, all } = hung();
    const lost = all.map((job) => job.catch((error: Error) => error.message));
    queue.fail(new Error('EIO'));
    goOn();
    const [under, ...others] = await Promise.all(lost);
    expect(under).toBe(0);
    expect(new Set(others)).toEqual(new Set(['wrapped']));
    await expect(queue.run(async () => 1)).rejects.toThrow('wrapped');
    expect(done).toEqual([0]);
  });
});
