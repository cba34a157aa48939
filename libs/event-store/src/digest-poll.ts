import type { Mark } from './state-checks.ts';

export type DigestReport = Mark & { readonly member: number };

export type DigestVerdict = Mark & {
  /** Those that reported something else. */
  readonly odd: readonly number[];
};

/** What members say of their state at the newest mark. The leader's own word counts like any other. */
export class DigestPoll {
  #index = 0;
  readonly #digests = new Map<number, number>();

  take({ member, index, digest }: DigestReport): void {
    if (index < this.#index) return;
    if (index > this.#index) this.#digests.clear();
    this.#index = index;
    this.#digests.set(member, digest);
  }

  /** What a majority of the voters have; null while no majority agrees. */
  verdict(voters: readonly number[]): DigestVerdict | null {
    const votes = new Map<number, number>();
    for (const voter of voters) {
      const digest = this.#digests.get(voter);
      if (digest !== undefined) votes.set(digest, (votes.get(digest) ?? 0) + 1);
    }
    for (const [digest, count] of votes) {
      if (count * 2 <= voters.length) continue;
      const odd = [...this.#digests].filter(([, other]) => other !== digest).map(([id]) => id);
      return { index: this.#index, digest, odd };
    }
    return null;
  }
}
