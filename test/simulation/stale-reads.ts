import type { SourcePatch } from './source-patch.ts';

type StaleRead = SourcePatch & { readonly name: string };

/** The consensus machine confirms a round that nobody answered; in the source as in the built program. */
export const ROUND_WITHOUT_QUORUM: StaleRead = {
  name: 'a round needs no quorum (8)',
  file: 'libs/raft/src/leader.ts',
  find: 'rounds.confirm(reachedByQuorum(state.memberships.current, answered), state.outbox.rounds);',
  replace: 'rounds.confirm(Math.max(rounds.newestSent, answered(0)), state.outbox.rounds);',
};

/** The simulator's read, which stands for that of the session gateway. */
export const SIMULATED_READ_WITHOUT_ROUND: StaleRead = {
  name: 'a leader reads its own state without a round (8)',
  file: 'libs/testing/src/raft-simulator/sim-registers.ts',
  find: '    const reads = this.#rounds.get(result.round) ?? [];\n    reads.push({ key, answer });\n',
  replace:
    '    const reads = this.#rounds.get(result.round) ?? [];\n    answer(this.#value(key));\n',
};

/** The same in the program as it was built. */
export const BUILT_READ_WITHOUT_ROUND: StaleRead = {
  name: 'a leader reads its own state without a round (8)',
  file: 'apps/controller/src/sessions/session-gateway.ts',
  find: 'host.confirm({',
  replace:
    '((owner) => host.serving ? owner.onConfirmed(host.applies.index) : owner.onUnconfirmed())({',
};
