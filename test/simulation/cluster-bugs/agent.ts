import { agent, type ClusterMutation, hands } from './cluster-mutation.ts';

export const AGENT: readonly ClusterMutation[] = [
  {
    name: 'an agent acts on a state that nobody confirmed',
    patches: [
      {
        file: agent('reconciler'),
        find: 'if (!this.#isConfirmed(state)) {\n      confirmations.ask(state.sequence);\n      return false;\n    }',
        replace: 'if (!this.#isConfirmed(state)) confirmations.ask(state.sequence);',
      },
    ],
  },
  {
    name: 'a diverged instance is started without a rewind',
    patches: [
      {
        file: agent('standby-rules'),
        find: 'return rewindOrRebuild(goal, condition, divergence.why);',
        replace: "return { kind: 'startStandby', upstream, why: '' };",
      },
    ],
  },
  {
    name: 'the primary of an older epoch is followed by a standby that promised not to',
    mode: 'async',
    patches: [
      {
        file: hands('sim-steps'),
        find: 'postgres.directory.conninfo = null;\n    if (postgres.alive) {\n      postgres.reload();',
        replace: 'if (postgres.alive) {',
      },
      {
        file: hands('sim-steps'),
        find: "if (postgres.upstreamInForce !== null && !held) throw new StepError('not reloaded', true);",
        replace: '',
      },
    ],
  },
];
