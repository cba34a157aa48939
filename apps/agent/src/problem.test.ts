import { expect, it } from 'vitest';
import { runningCluster } from '#libs/testing';
import { type ProblemSubject, problemOf } from './problem.ts';

const postgres = { dataDirectory: '/pg' } as ProblemSubject['config']['postgres'];
const well: ProblemSubject = {
  config: { cluster: runningCluster().state.name, postgres },
  state: runningCluster().state,
  unknownCluster: false,
  outdated: null,
  whyNoLeader: 'no controller can be reached',
  seen: null,
  others: [null, undefined],
};
const withFree = (freeBytes: bigint) => ({ ...well, seen: { directory: null, freeBytes } });

it('a disk that is nearly full is told before PostgreSQL has to end', () => {
  expect(problemOf(well)).toBeNull();
  expect(problemOf(withFree(67_108_864n))).toBeNull();
  expect(problemOf(withFree(67_108_863n))).toBe(
    '67108863 bytes are free for /pg and its pg_wal (limit 67108864): ' +
      'on a full disk writes are refused, and PostgreSQL ends when its WAL has no room: make room',
  );
});

it('what came of the full disk is told first', () => {
  const others = ['PostgreSQL does not start'];
  expect(problemOf({ ...withFree(0n), others })).toBe('PostgreSQL does not start');
});
