import { type ClusterMutation, cluster, leader, rule } from './cluster-mutation.ts';

export const ASYNC: readonly ClusterMutation[] = [
  {
    name: 'the lag limit is forgotten',
    mode: 'async',
    patches: [
      {
        file: rule('candidates/candidates'),
        find: 'if (lagBytes > limit) {',
        replace: 'if (lagBytes < 0n) {',
      },
    ],
  },
  {
    name: 'the furthest standby is not preferred',
    mode: 'async',
    patches: [
      {
        file: rule('candidates/candidates'),
        find: 'if (byRank !== 0) return byRank;',
        replace: '',
      },
      // Where most WAL is among equals would tell nearly as much.
      {
        file: rule('candidates/candidates'),
        find: 'if (a.position.lsn !== b.position.lsn) return a.position.lsn > b.position.lsn ? -1 : 1;',
        replace: '',
      },
    ],
  },
  {
    name: 'a timeline that was granted and not promoted is forgotten',
    patches: [
      {
        file: cluster('evolve-lease'),
        find: 'const highestTimeline = Math.max(state.highestTimeline, timeline);',
        replace:
          'const highestTimeline = Math.max(0, ...state.history.map((each) => each.timeline));',
      },
    ],
  },
  {
    name: 'noFailover is ignored',
    patches: [
      {
        file: rule('candidates/fitness'),
        find: 'if (members[instance]?.tags.noFailover === true && !asked) {',
        replace: 'if (members[instance]?.tags.noFailover === null) {',
      },
    ],
  },
  {
    name: 'a former primary is left out of its outage for good (seed 29)',
    patches: [
      {
        file: rule('failover/failover'),
        find: 'const excluded = limits.excluded.filter((name) => name !== operation.primary);\n  return',
        replace: 'const excluded = limits.excluded;\n  return',
      },
      {
        file: rule('failover/failover'),
        find: 'return judgeMembers(input, { ...limits, excluded: [], again: true, lastResort: true });',
        replace: 'return judgeMembers(input, { ...limits, again: true, lastResort: true });',
      },
    ],
  },
  {
    name: 'a holder whose promotion nobody heard of is taken for diverged (seed 5270)',
    patches: [
      {
        file: rule('candidates/candidates'),
        find: 'const beyond = placeAmongUnrecorded(state, standing, chain);',
        replace:
          'const beyond = chain.length > 0 ? -1 : placeAmongUnrecorded(state, standing, chain);',
      },
    ],
  },
  {
    name: 'a given-up failover keeps its standbys detached',
    mode: 'quorum',
    patches: [
      {
        file: cluster('evolve-outage'),
        find: "return state.lease.kind === 'Held' ? { ...ended, detachReleased: state.lease.epoch } : ended;",
        replace: 'return ended;',
      },
    ],
    saga: { saga: 'givenUp', begins: 'FailoverStarted', ends: 'FailoverAborted' },
  },
  {
    name: 'what was heard of the primary is forgotten when a failover begins',
    mode: 'async',
    patches: [
      {
        file: rule('failover/loss'),
        find: 'lastKnown: input.observations.lastKnown,',
        replace: 'lastKnown: null,',
      },
    ],
  },
  {
    name: 'a leader goes on with no failover that an earlier one began',
    mode: 'async',
    patches: [
      {
        file: rule('failover/failover'),
        find: 'if (!hasHeardEnough(input, lost)) return null;',
        replace:
          'if (!hasHeardEnough(input, lost) || input.observations.sinceChangeMs >= input.observations.servingForMs) return null;',
      },
    ],
    saga: { saga: 'failover', begins: 'LeaseExpired', ends: 'FailoverCompleted' },
  },
  {
    name: 'what a candidate fetched in vain is counted before it tells of it (seed 975)',
    patches: [
      {
        file: rule('sight'),
        find: 'return fetched?.givenUp === true && fetched.instance === instance && actedVersion < version;',
        replace:
          'return fetched?.givenUp === true && fetched.instance === instance && version < 0;',
      },
      // With a new leader that chooses sooner (ADR 0013) it did not show within 9,000 seeds.
      {
        file: rule('sight'),
        find: 'name === lost || observed(input, name).report !== null',
        replace: 'observed(input, name).report !== null',
      },
    ],
  },
  {
    name: 'the lease of a hung primary is renewed until it is proved down',
    mode: 'async',
    patches: [
      {
        file: leader('renewals'),
        find: 'if (state !== null && isWithdrawn(state))',
        replace: 'if (state !== null && isWithdrawn(state) && request.epoch < 0)',
      },
    ],
    saga: { saga: 'hungPrimary', begins: 'FailoverStarted', ends: 'FailoverCompleted' },
  },
];
