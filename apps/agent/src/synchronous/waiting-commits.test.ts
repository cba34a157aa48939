import { expect, it } from 'vitest';
import { releaseWaitingCommits } from './waiting-commits.ts';

class Looks {
  made = 0;

  constructor(readonly fails: (look: number) => boolean) {}

  async query(): Promise<[]> {
    this.made += 1;
    if (this.fails(this.made)) throw new Error(`look ${this.made} failed`);
    return [];
  }
}

it('a look that fails is followed by the others', async () => {
  const looks = new Looks((look) => look === 1);
  await releaseWaitingCommits(looks);
  expect(looks.made).toBe(10);
});

it('looks of which none succeeded end with what the last one said', async () => {
  await expect(releaseWaitingCommits(new Looks(() => true))).rejects.toThrow('look 10 failed');
});
