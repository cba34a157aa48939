import { agent, type ClusterMutation, guard } from './cluster-mutation.ts';

export const GUARD: readonly ClusterMutation[] = [
  {
    name: 'a lease is released without a proof that nothing runs',
    patches: [
      {
        file: guard('orders'),
        find: "if (notDown !== null) return notDown;\n    if (instance.serving.kind !== 'none') return refused('POSTGRES_RUNNING', 'just started');",
        replace: '',
      },
      {
        file: agent('primary-rules'),
        find: "if (replaced(goal, condition)) return stopNow('the lease was granted to an earlier guard');\n  const { epoch, timeline } = goal;",
        replace:
          'if (replaced(goal, condition)) return releaseForTheDeadGuard(goal);\n  const { epoch, timeline } = goal;',
      },
      {
        file: agent('giving-up-rules'),
        find: 'primary: stopToYield,',
        replace: 'primary: giveBack,',
      },
    ],
  },
  {
    name: 'a primary is started without the lease',
    patches: [
      {
        file: guard('instance'),
        find: 'if (this.#lease.mayServe(epoch)) return null;',
        replace: 'return null;',
      },
      {
        file: guard('instance'),
        find: 'const meanwhile = this.#withoutLease(epoch) ?? this.#armFuse();',
        replace: 'const meanwhile = null;',
      },
      {
        file: guard('instance'),
        find: 'const refusal = this.#withoutLease(epoch) ?? this.#armFuse();',
        replace: 'const refusal = null;',
      },
    ],
  },
  {
    name: 'a standby that is being promoted is not stopped with the lease',
    patches: [
      {
        file: guard('instance'),
        find: "this.#serving = { kind: 'primary', epoch };\n    this.#log.info('promotion begins'",
        replace: "this.#fuse.disarm();\n    this.#log.info('promotion begins'",
      },
    ],
  },
  {
    name: 'the guard does not stop PostgreSQL at the deadline, and neither does the fuse',
    patches: [
      {
        file: guard('instance'),
        find: 'if (!isPrimary) return;\n    this.#stops += 1;\n    this.#postmaster.stopImmediate(graceMs);',
        replace: 'if (!isPrimary || isPrimary) return;',
      },
      {
        file: guard('instance'),
        find: 'if (killAtBootMs !== null && this.#fuse.arm(killAtBootMs)) return null;',
        replace: 'if (killAtBootMs !== null) return null;',
      },
    ],
  },
];
