import { type ClusterMutation, hands, rule, syncSet } from './cluster-mutation.ts';

export const SYNCHRONOUS: readonly ClusterMutation[] = [
  {
    name: 'a preferred candidate is promoted before it has fetched what it lacks',
    mode: 'any',
    patches: [
      {
        file: rule('failover/failover'),
        find: "return turn.kind === 'first' ? turn.decision : grantTo(input, chosen, refusals);",
        replace: `
          const candidate = of.flatMap((each) => (each.kind === 'eligible' ? [each.candidate] : []));
          const early = candidate.find((each) => each.member.name === operation.fastForward?.instance);
          if (turn.kind !== 'first' || turn.decision !== null || early?.report.guard == null) {
            return turn.kind === 'first' ? turn.decision : grantTo(input, chosen, refusals);
          }
          const guard = early.report.guard.incarnation;
          return grantTo(input, { ...early, guard, furthest: false }, refusals);`,
      },
    ],
  },
  {
    name: 'one detached member is enough to fence',
    mode: 'quorum',
    patches: [
      {
        file: rule('failover/data-fencing'),
        find: 'if (fencers.length < fencersNeeded(quorumOf(sync.committed))) return null;',
        replace: 'if (fencers.length < 1) return null;',
      },
      {
        file: rule('candidates/assurance'),
        find: 'if (fencers.length < fencersNeeded(quorumOf(state.sync?.committed ?? null))) return null;',
        replace: 'if (fencers.length < 1) return null;',
      },
      {
        file: syncSet('admit-sync'),
        find: 'return counted.length >= needed ? null',
        replace: 'return counted.length >= 1 ? null',
      },
    ],
  },
  {
    name: 'a set is relied on before its members have caught up',
    mode: 'quorum',
    patches: [
      {
        file: rule('sync/sync-set'),
        find: 'if (event === null || (move.caughtUp && !haveCaughtUp(event, sync))) return;',
        replace: 'if (event === null) return;',
      },
    ],
  },
  {
    name: 'a set is relied on that PostgreSQL does not wait for',
    mode: 'quorum',
    patches: [
      {
        file: syncSet('quorum'),
        find: 'return fencersNeeded(relied) + running.count > union;',
        replace:
          'return fencersNeeded(relied) + running.count > Math.min(union, relied.names.length);',
      },
    ],
  },
  {
    name: 'PostgreSQL waits for fewer while the old set is relied on',
    mode: 'quorum',
    patches: [
      {
        file: syncSet('next-move'),
        find: 'if (!mayStall && isCoveredThrough(committed, ordered, setting))',
        replace: 'if (!mayStall)',
      },
      {
        file: syncSet('admit-sync'),
        find: 'return isAllCovered(sync.committed, evolveSync(sync, event))',
        replace: 'return sync !== undefined',
      },
    ],
  },
  {
    name: 'walsenders are thought to read a setting all at once (seed 3015)',
    mode: 'quorum',
    patches: [
      {
        file: syncSet('quorum'),
        find: 'return { names, count: Math.min(...read.map(({ count }) => count)) };',
        replace: 'return next.names.length > names.length ? { ...next, names } : next;',
      },
    ],
  },
  {
    name: 'a proof forgets the names of older settings (seed 18)',
    patches: [
      {
        file: syncSet('admit-sync'),
        find: 'return [sync.ordered, ...sync.superseded].flatMap(({ names }) => names);',
        replace: 'return [];',
      },
      {
        file: hands('sync-steps'),
        find: 'const shows = replied && reading.setting.names.includes(name);',
        replace: 'const shows = false;',
      },
    ],
    less: { without: ['strikes', 'hangDisk', 'lateAnswers', 'lostExpiries'] },
  },
  {
    name: 'an order counts as confirmed before it was proved',
    mode: 'quorum',
    patches: [
      {
        file: rule('sync/sync-set'),
        find: 'if (confirmedAt !== null || synchronous?.proved !== true || synchronous.order !== order) return;',
        replace: 'if (confirmedAt !== null || synchronous?.order !== order) return;',
      },
    ],
  },
  {
    name: 'a new primary is covered by the set of the one before',
    mode: 'quorum',
    patches: [
      {
        file: syncSet('evolve-sync'),
        find: 'const committed = goesOn ? (sync?.committed ?? null) : null;',
        replace: 'const committed = sync?.committed ?? null;',
      },
    ],
  },
  {
    name: 'a candidate is taken without any assurance',
    mode: 'quorum',
    patches: [
      {
        file: rule('candidates/assurance'),
        find: "if (floor === null) return { kind: 'refused', refusal: notAssured(input, candidate) };\n      if (compareRanks",
        replace: 'if (floor !== null && compareRanks',
      },
    ],
  },
  {
    name: 'a candidate may have less than those who fence',
    mode: 'quorum',
    patches: [
      {
        file: rule('candidates/assurance'),
        find: 'if (compareRanks(candidate.rank, floor.rank) > 0) {',
        replace: 'if (compareRanks(candidate.rank, floor.rank) > 2) {',
      },
      {
        file: rule('candidates/candidates'),
        find: 'if (byRank !== 0) return byRank;',
        replace: 'if (byRank !== 0) return -byRank;',
      },
    ],
  },
  {
    name: 'a proof of detachment from before a given-up failover counts',
    mode: 'quorum',
    patches: [
      {
        file: rule('sight'),
        find: 'return released && actedVersion < since ? null : detached;',
        replace: 'return detached;',
      },
    ],
    saga: { saga: 'givenUpTwice', begins: 'FailoverAborted', ends: 'FailoverCompleted' },
  },
  {
    name: 'clients are let in at once on a restarted primary',
    patches: [
      {
        file: syncSet('admit-sync'),
        find: 'return names.filter(hasFlushed).length >= count;',
        replace: 'return true;',
      },
    ],
    mode: 'quorum',
  },
  {
    name: 'a restarted agent lets clients in (seed 3085)',
    mode: 'quorum',
    patches: [
      {
        file: hands('sim-steps'),
        find: 'if (!node.files.clientsKeptOut) node.postgres.letClientsIn();',
        replace: 'if (facts.recoveredTo === null) node.postgres.letClientsIn();',
      },
    ],
  },
];
