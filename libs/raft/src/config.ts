import { assert } from '#libs/kernel';
import type { RaftConfig } from './ports.ts';

/** @throws InvariantError for limits with which no group could work. */
export function checkConfig(config: RaftConfig): void {
  const { heartbeatTicks, electionTicks } = config;
  const limits = [
    config.heartbeatTicks,
    config.electionTicks,
    config.firstElectionTicks ?? config.electionTicks,
    config.maxAppendBytes,
    config.maxInflightAppends,
    config.maxInflightBytes,
    config.maxUncommittedBytes,
  ];
  assert(
    limits.every((limit) => Number.isSafeInteger(limit) && limit > 0),
    'every limit is a whole number above zero',
    { config },
  );
  assert(electionTicks >= 3 * heartbeatTicks, 'an election timeout spans three heartbeats', {
    heartbeatTicks,
    electionTicks,
  });
  const { answerTicks = 0 } = config;
  assert(electionTicks >= 2 * answerTicks, 'an election timeout spans two answers', {
    answerTicks,
    electionTicks,
  });
}
