import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { toldToBegin } from './spare.ts';

describe('a spare guard', () => {
  it('begins at one byte, and lets go of the pipe', async () => {
    const pipe = new PassThrough();
    const told = toldToBegin(pipe);
    pipe.write('b');
    expect(await told).toBe(true);
    expect(pipe.destroyed).toBe(true);
  });

  it('ends with the agent that started it', async () => {
    const pipe = new PassThrough();
    const told = toldToBegin(pipe);
    pipe.destroy();
    expect(await told).toBe(false);
  });
});
