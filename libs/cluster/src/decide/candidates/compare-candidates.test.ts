import { expect, it } from 'vitest';
import { type Candidate, compareCandidates } from './candidates.ts';

/** Of timeline 1, which the cluster left at 90. */
function standing(name: string, lsn: bigint, failoverPriority = 0): Candidate {
  const member = { name, tags: { failoverPriority } };
  const rank = { generation: 0, lsn: lsn > 90n ? 90n : lsn };
  return { member, position: { timeline: 1, lsn }, rank, report: {} } as never;
}

it('the furthest comes first, then who has more beyond the fork, then the preferred one', () => {
  const behind = standing('pg1', 80n, 9);
  const less = standing('pg2', 100n, 5);
  const more = standing('pg3', 120n);
  const alike = standing('pg4', 100n);
  const sorted = [alike, behind, less, more].sort((a, b) => compareCandidates(a, b, []));
  expect(sorted.map(({ member }) => member.name)).toEqual(['pg3', 'pg2', 'pg4', 'pg1']);
});
