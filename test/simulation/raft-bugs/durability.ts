import { host, type Mutation, raft } from './mutation.ts';

export const DURABILITY: readonly Mutation[] = [
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
