import type { SourcePatch } from './raft-bundle.ts';

/** A bug planted into the source; the number is the row of reference/raft.md section 4. */
export type Mutation = SourcePatch & { readonly name: string };

const raft = (room: string): string => `libs/raft/src/${room}.ts`;
const host = (room: string): string => `libs/testing/src/raft-simulator/${room}.ts`;

const DURABILITY: readonly Mutation[] = [
  {
    name: 'vote sent before it is durable (2)',
    file: raft('voter'),
    find: 'granted ? state.outbox.afterPersist : state.outbox.sendNow',
    replace: 'state.outbox.sendNow',
  },
  {
    name: 'votes asked for before the own vote is durable',
    file: raft('candidate'),
    find: 'state.outbox.afterPersist.push({',
    replace: 'state.outbox.sendNow.push({',
  },
  {
    name: 'entries acknowledged before they are durable (26)',
    file: raft('flush'),
    find: 'state.outbox.afterPersist.push({',
    replace: 'state.outbox.sendNow.push({',
  },
  {
    name: 'leader counts itself before its own flush (10)',
    file: raft('commit'),
    find: 'state.log.durableIndex :',
    replace: 'state.log.lastIndex :',
  },
  {
    name: 'applied before it is durable (11)',
    file: raft('log-view'),
    find: 'return Math.min(this.commitIndex, this.durableIndex);',
    replace: 'return this.commitIndex;',
  },
  {
    name: 'vote left out of the hard state (24)',
    file: raft('take-output'),
    find: 'handedHardState.term !== term || handedHardState.vote !== vote',
    replace: 'handedHardState.term !== term',
  },
  {
    name: 'vote forgotten on restart (31)',
    file: host('recovery'),
    find: '      hardState,\n',
    replace: '      hardState: { ...hardState, vote: 0 },\n',
  },
  {
    name: 'term and vote forgotten on restart (31)',
    file: host('recovery'),
    find: '      hardState,\n',
    replace:
      '      hardState: { term: log.entries.at(-1)?.term ?? snapshot.meta.term, vote: 0 },\n',
  },
  {
    name: 'the sync is skipped now and then (39)',
    file: host('sim-writer'),
    find: 'if (batch !== null) this.media.write(batch, write.body);',
    replace: 'if (batch !== null && !this.prng.chance(0.02)) this.media.write(batch, write.body);',
  },
  {
    name: 'promises leave before the write they rest on (40)',
    file: host('sim-writer'),
    find: 'this.#writes.push(write);',
    replace: 'this.#writes.push({ ...write, messages: [] }); this.port.sendAll(write.messages);',
  },
  {
    name: 'ABA: an old write vouches for a newer entry (22)',
    file: raft('write-queue'),
    find: 'write.lastIndex = Math.min(write.lastIndex, index - 1)',
    replace: 'write.lastIndex = Math.max(write.lastIndex, 0)',
  },
  {
    name: 'durable mark kept through a truncation (34)',
    file: raft('log-view'),
    find: '      this.durableIndex = Math.min(this.durableIndex, index - 1);\n',
    replace: '',
  },
  {
    name: 'truncation is not written',
    file: raft('log-view'),
    find: 'this.truncateFromPending = Math.min(this.truncateFromPending ?? index, index);',
    replace: 'this.truncateFromPending = null;',
  },
];

const DISK: readonly Mutation[] = [
  {
    name: 'a member on an empty disk is heard under its old id (24)',
    file: 'libs/protocol/src/directory-id.ts',
    find: 'return owner !== null && directory !== null && owner !== directory;',
    replace: 'return owner === null && directory === null;',
  },
  {
    name: 'a hole in the batches is no finding (42)',
    file: 'libs/storage/src/batch-markers.ts',
    find: 'if (!this.#batches.has(batch)) {',
    replace: 'if (batch < 0 && !this.#batches.has(batch)) {',
  },
  {
    name: 'a database that ends before what the guard confirmed is taken for a crash (42)',
    file: 'libs/storage/src/recovery.ts',
    find: '  checkAgainstGuard(guard.newest, batch);\n',
    replace: '  if (batch < 0) checkAgainstGuard(guard.newest, batch);\n',
  },
  {
    name: 'an empty database beside a guard file is a fresh directory',
    file: 'libs/storage/src/recovery.ts',
    find: 'guard.written && (guard.newest === null || guard.newest.confirmedBatch > 0)',
    replace: 'guard.written && guard.newest === null',
  },
];

/** One member's state becomes another than the others': its digest tells. */
const STATE: readonly Mutation[] = [
  {
    name: 'a member that starts again has forgotten the revisions of registers (9)',
    file: 'libs/event-store/src/registers.ts',
    find: '    this.#revisions.set(key, revision);\n',
    replace: '',
  },
  {
    name: 'the digest of a member that starts again begins anew',
    file: 'libs/event-store/src/event-store.ts',
    find: '    this.#digest = digest;\n',
    replace: '',
  },
];

const REPLICATION: readonly Mutation[] = [
  {
    name: 'an entry of an old term is counted as committed (31, figure 8)',
    file: raft('commit'),
    find: ' || reached < leadership.ownTermIndex',
    replace: '',
  },
  {
    name: 'a request without conflict truncates (25)',
    file: raft('log-growth'),
    find: 'if (log.termOf(entry.index) === entry.term) continue;',
    replace: '',
  },
  {
    name: 'a shorter, late request cuts what follows it (25)',
    file: raft('log-growth'),
    find: '  for (; at < entries.length; at += 1) {\n    const entry = entries[at];\n    if (entry === undefined) break;\n    log.append',
    replace:
      '  const end = entries.at(-1)?.index ?? log.lastIndex;\n  if (at === entries.length && end < log.lastIndex && end >= log.commitIndex) log.truncateFrom(end + 1);\n  for (; at < entries.length; at += 1) {\n    const entry = entries[at];\n    if (entry === undefined) break;\n    log.append',
  },
  {
    name: 'the term of the previous entry is not compared',
    file: raft('follower'),
    find: 'log.termOf(prevIndex) === prevTerm',
    replace: 'prevIndex <= log.lastIndex',
  },
  {
    name: 'a match outlives its term (28)',
    file: raft('roles'),
    find: '  state.matchedIndex = 0;\n',
    replace: '',
  },
  {
    name: 'a heartbeat commits what was not compared (30)',
    file: raft('follower'),
    find: 'Math.min(heartbeat.commitIndex, state.matchedIndex)',
    replace: 'Math.min(heartbeat.commitIndex, state.log.lastIndex)',
  },
  {
    name: 'a request commits what was not compared',
    file: raft('follower'),
    find: 'Math.min(request.commitIndex, state.matchedIndex)',
    replace: 'Math.min(request.commitIndex, state.log.lastIndex)',
  },
  {
    name: 'messages of an older term are taken (1)',
    file: raft('step'),
    find: '    answerStale(state, message);\n    return;\n',
    replace: '    answerStale(state, message);\n',
  },
  {
    name: 'what was lost on the way is never sent again (6)',
    file: raft('leader'),
    find: 'peer.inflightCount > 0) sendNudge(state, peer);',
    replace: 'peer.inflightCount < 0) sendNudge(state, peer);',
  },
  {
    name: 'a lost probe is never sent again',
    file: raft('leader'),
    find: "if (peer.state === 'probe') peer.probeSent = false;",
    replace: "if (peer.state === 'probe') return;",
  },
  {
    name: 'a late fetch leaves the peer waiting for ever',
    file: raft('leader'),
    find: '  peer.fetching = false;\n  // The peer',
    replace:
      '  if (peer.nextIndex !== fromIndex) return;\n  peer.fetching = false;\n  peer.progressTick = Number.MAX_SAFE_INTEGER;\n  // The peer',
  },
  {
    name: 'a compacted leader sends no snapshot (29)',
    file: raft('replication'),
    find: '  state.outbox.snapshotsWanted.push(peer.id);\n',
    replace: '',
  },
  {
    name: 'a failed snapshot is not tried again',
    file: raft('raft'),
    find: 'else peer.becomePatientProbe(peer.matchIndex + 1, this.#state.ticks);\n  }\n\n  onSnapshotReceived',
    replace: '}\n\n  onSnapshotReceived',
  },
];

const ELECTION: readonly Mutation[] = [
  {
    name: 'two votes in a term (44)',
    file: raft('voter'),
    find: 'state.vote === request.from || (state.vote === 0 && state.leader === 0)',
    replace: 'state.leader === 0',
  },
  {
    name: 'logs are compared by length, not by term',
    file: raft('log-view'),
    find: 'lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)',
    replace: 'lastIndex >= this.lastIndex',
  },
  {
    name: 'any log may win an election',
    file: raft('voter'),
    find: 'free && state.log.isUpToDate(request.lastIndex, request.lastTerm)',
    replace: 'free',
  },
  {
    name: 'a refused pre-vote does not spread the term (14, 15, 16)',
    file: raft('voter'),
    find: 'term: granted ? request.term : state.term',
    replace: 'term: granted ? request.term : request.term - 1',
  },
  {
    name: 'an old leader is not told of the newer term',
    file: raft('step'),
    find: '} else if (speaksAsLeader(message)) {',
    replace: "} else if (message.type === 'timeoutNow') {",
  },
  {
    name: 'half of an even group is a majority (5)',
    file: raft('quorum'),
    find: 'Math.floor(count / 2) + 1',
    replace: 'Math.ceil(count / 2)',
  },
];

const LEADERSHIP: readonly Mutation[] = [
  {
    name: 'a leader without a quorum leads on (41)',
    file: raft('leader'),
    find: '  if (!heard) becomeFollower(state, state.term, 0);\n',
    replace: '  if (!heard) state.electionElapsedTicks = 0;\n',
  },
  {
    name: 'a member that hears a leader votes for another (41)',
    file: raft('voter'),
    find: 'state.leader !== 0 && state.electionElapsedTicks < state.config.electionTicks',
    replace: 'state.leader === state.self',
  },
  {
    name: 'a leader with a stuck disk leads on (3)',
    file: raft('write-stall'),
    find: "if (state.standing.kind !== 'follower') becomeFollower(state, state.term, 0);",
    replace: '',
  },
  {
    name: 'a removed leader leads on (36)',
    file: raft('flush'),
    find: '  if (state.isVoter) return;\n',
    replace: '  if (state.term > 0) return;\n',
  },
  {
    name: 'each refusal resends a whole window',
    file: raft('progress'),
    find: '    this.inflightLimit = 1;\n',
    replace: '    this.inflightLimit = INFLIGHT_LIMIT_MAX;\n',
  },
];

const ROUNDS: readonly Mutation[] = [
  {
    name: 'an answer to an old round confirms a new one (7)',
    file: raft('leader'),
    find: 'peer.answeredRound = response.round;',
    replace: 'peer.answeredRound = leadership.rounds.newestSent;',
  },
  {
    name: 'a read joins a round that has already left (7)',
    file: raft('rounds'),
    find: '    this.#waiting ??= this.#newestSent + 1;',
    replace:
      '    if (this.#sent.length > 0) return this.#newestSent;\n    this.#waiting ??= this.#newestSent + 1;',
  },
  {
    name: 'a round needs no quorum (8)',
    file: raft('leader'),
    find: 'rounds.confirm(reachedByQuorum(state.memberships.current, answered), state.outbox.rounds);',
    replace: 'rounds.confirm(Math.max(rounds.newestSent, answered(0)), state.outbox.rounds);',
  },
  {
    name: 'served before the own term is committed (8)',
    file: raft('commit'),
    find: "standing.kind === 'leader' && log.appliedIndex >= standing.ownTermIndex",
    replace: "standing.kind === 'leader' && log.appliedIndex >= 0",
  },
  {
    name: 'a read sees what is applied, not what is committed',
    file: raft('flush'),
    find: 'leadership.rounds.begin(state.log.commitIndex)',
    replace: 'leadership.rounds.begin(Math.max(0, state.log.commitIndex - 1))',
  },
];

const MEMBERSHIP: readonly Mutation[] = [
  {
    name: 'learners are counted in commits (19)',
    file: raft('quorum'),
    find: 'const incoming = reachedByMajority(membership.voters, valueAt);',
    replace:
      'const incoming = reachedByMajority([...membership.voters, ...membership.learners], valueAt);',
  },
  {
    name: 'the old half of a joint membership is not asked for commits',
    file: raft('quorum'),
    find: 'if (membership.outgoing.length === 0) return incoming;',
    replace: 'if (membership.outgoing.length >= 0) return incoming;',
  },
  {
    name: 'the old half of a joint membership is not asked for votes',
    file: raft('quorum'),
    find: ' && isMajority(membership.outgoing, agrees)',
    replace: '',
  },
  {
    name: 'a truncated membership stays in force (34)',
    file: raft('log-growth'),
    find: '    state.memberships.truncateFrom(entry.index);\n',
    replace: '',
  },
  {
    name: 'a second change before the first is committed (17)',
    file: raft('proposals'),
    find: 'memberships.index > log.appliedIndex || memberships.current.outgoing.length > 0',
    replace: 'memberships.current.outgoing.length > 0',
  },
  {
    name: 'a change before the own term is committed (18)',
    file: raft('proposals'),
    find: "  if (!isServing(state)) return refused(state, 'notServing');\n",
    replace: '',
  },
  {
    name: 'a replacement without the joint step',
    file: raft('membership'),
    find: 'outgoing: voters,',
    replace: 'outgoing: [],',
  },
  {
    name: 'the joint membership is left before it is committed',
    file: raft('proposals'),
    find: 'if (joint.outgoing.length === 0 || memberships.index > log.appliedIndex) return;',
    replace: 'if (joint.outgoing.length === 0) return;',
  },
  {
    name: 'the joint membership is never left',
    file: raft('proposals'),
    find: 'if (isServing(state)) appendMembership(state, leadership, leftJoint(joint));',
    replace: 'if (!isServing(state)) appendMembership(state, leadership, leftJoint(joint));',
  },
  {
    name: 'a snapshot does not bring its membership (20, 34)',
    file: raft('follower'),
    find: '  state.memberships.reset(meta.index, meta.membership);\n',
    replace: '',
  },
];

export const MUTATIONS: readonly Mutation[] = [
  ...DURABILITY,
  ...DISK,
  ...STATE,
  ...REPLICATION,
  ...ELECTION,
  ...LEADERSHIP,
  ...ROUNDS,
  ...MEMBERSHIP,
];

/** Changes that are no bugs: a check that catches one of them cries wolf. */
export const HARMLESS: readonly Mutation[] = [
  {
    name: 'commits wait for the regular heartbeat',
    file: raft('flush'),
    find: 'beat || peer.toldCommitIndex < state.log.commitIndex',
    replace: 'beat',
  },
  {
    name: 'a refusal steps back by one entry',
    file: raft('leader'),
    find: 'peer.becomeProbe(agreeing + 1);',
    replace: 'peer.becomeProbe(Math.max(agreeing + 1, index));',
  },
  {
    name: 'fewer rounds under way',
    file: raft('rounds'),
    find: 'ROUNDS_IN_FLIGHT_MAX = 32',
    replace: 'ROUNDS_IN_FLIGHT_MAX = 1',
  },
  {
    name: 'every peer is fed one request at a time',
    file: raft('progress'),
    find: 'INFLIGHT_LIMIT_MAX = 1_024',
    replace: 'INFLIGHT_LIMIT_MAX = 1',
  },
];
