import { type Mutation, raft } from './mutation.ts';

const leader = (room: string): string => `libs/leader/src/${room}.ts`;

/** Members of two versions, and a member whose state went wrong. */
export const INTEGRITY: readonly Mutation[] = [
  {
    name: 'the group switches to what its newest member speaks',
    file: leader('protocol-switch'),
    find: 'return Math.min(ownMax, ...others',
    replace: 'return Math.max(ownMax, ...others',
  },
  {
    name: 'a member that is not connected is taken for a new one',
    file: leader('protocol-switch'),
    find: 'network.protocolOf(id) ?? 0',
    replace: 'network.protocolOf(id) ?? ownMax',
  },
  {
    name: 'states are compared before all members can',
    file: leader('state-watch'),
    find: 'host.store.protocol < Feature.stateChecks || this.#underWay',
    replace: 'this.#underWay',
  },
  {
    name: 'the first digest that is heard counts, not that of a majority',
    file: 'libs/event-store/src/digest-poll.ts',
    find: 'if (count * 2 <= voters.length) continue;',
    replace: 'if (count === 0) continue;',
  },
  {
    name: 'a member that finds its state odd goes on',
    file: leader('state-watch'),
    find: '    if (oddity !== null && host.isolated === null) host.isolate(findingOf(oddity));\n',
    replace: '',
  },
  {
    name: 'an isolated member campaigns',
    file: raft('candidate'),
    find: ' || state.campaignWithheld || state.barred) return false;',
    replace: ' || state.campaignWithheld) return false;',
  },
];
