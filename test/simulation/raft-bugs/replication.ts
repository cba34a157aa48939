import { type Mutation, raft } from './mutation.ts';

export const REPLICATION: readonly Mutation[] = [
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
  {
    name: 'a snapshot is acknowledged before it is durable (23)',
    file: raft('follower'),
    find: '  if (fromLeader) acknowledge(state, meta.index);\n  return true;\n',
    replace:
      "  if (fromLeader) {\n    const { self, term: now } = state;\n    state.outbox.sendNow.push({ type: 'appendResponse', from: self, to: from, term: now, outcome: 'matched', index: meta.index, hintIndex: 0, hintTerm: 0 });\n  }\n  return true;\n",
  },
];
