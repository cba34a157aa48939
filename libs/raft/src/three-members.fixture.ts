import type { InitialState, RaftConfig } from './index.ts';

const MEMBERS = [1, 2, 3].map((id) => ({ id, name: `c${id}`, address: `c${id}:7400` }));

export const THREE_MEMBERS = {
  ...{ members: MEMBERS, voters: [1, 2, 3] },
  ...{ outgoing: [], learners: [] },
};

/** Limits that no test reaches which does not mean to. */
export const FIRST_OF_THREE: RaftConfig = {
  ...{ self: 1, heartbeatTicks: 2, electionTicks: 20 },
  ...{ maxAppendBytes: 1_000, maxInflightAppends: 8, maxInflightBytes: 10_000 },
  ...{ maxUncommittedBytes: 10_000, cacheBytes: 10_000 },
};

/** As it was founded: no entry, no term. */
export const FRESH: InitialState = {
  hardState: { term: 0, vote: 0 },
  snapshot: { index: 0, term: 0, membership: THREE_MEMBERS },
  ...{ membershipIndex: 0, membership: THREE_MEMBERS, appliedIndex: 0 },
  ...{ tail: [], firstIndex: 1, lastIndex: 0, termRuns: [] },
};
