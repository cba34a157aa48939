/** Direction of dependencies (docs/architecture.md): kernel <- pure libs <- IO libs <- apps. */
const PURE =
  '^libs/(kernel|raft|cluster|event-store|guarding|lease|leader|reconcile)/src|^libs/postgres/src/model';
const SIMULATED_WORLD = '^libs/testing/src/cluster-simulator/';
const TEST = '\\.test\\.ts$';
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: { pathNot: SIMULATED_WORLD },
      to: { circular: true },
    },
    {
      name: 'no-cycles-at-run-time',
      comment: 'the actors of a simulated world know each other by type; the code has no cycles',
      severity: 'error',
      from: { path: SIMULATED_WORLD },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-is-pure',
      comment: 'pure libraries import no Node module and no package',
      severity: 'error',
      from: { path: PURE, pathNot: TEST },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer'] },
    },
    {
      name: 'kernel-imports-nothing',
      severity: 'error',
      from: { path: '^libs/kernel/', pathNot: TEST },
      to: { pathNot: '^libs/kernel/' },
    },
    {
      name: 'raft-and-cluster-do-not-know-each-other',
      severity: 'error',
      from: { path: '^libs/(raft|lease|cluster|postgres/src/model)/', pathNot: TEST },
      to: {
        path: '^libs/(?!kernel)',
        pathNot: '^libs/(raft/src|lease/src|cluster/src|postgres/src/model)',
      },
    },
    {
      name: 'raft-not-to-cluster',
      severity: 'error',
      from: { path: '^libs/(raft|lease)/' },
      to: { path: '^libs/(cluster|postgres)/' },
    },
    {
      name: 'cluster-not-to-raft',
      severity: 'error',
      from: { path: '^libs/cluster/' },
      comment: 'it knows the arithmetic of the lease, which the guard shares, and nothing else',
      to: { path: '^libs/(raft|postgres)/' },
    },
    {
      name: 'pure-knows-no-io',
      severity: 'error',
      from: { path: `${PURE}|^libs/(protocol|api)/src`, pathNot: TEST },
      to: {
        path: '^libs/(storage|transport|process|backup|config|observability|testing)/|^libs/postgres/src/run',
      },
    },
    {
      name: 'libs-know-no-app',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'nest-only-in-controller',
      severity: 'error',
      from: { pathNot: '^(apps/controller|test)/' },
      to: { path: 'node_modules/@nestjs/' },
    },
    {
      name: 'guard-imports-only-the-fence-path',
      comment: 'the guard must stay small: no zod, no pg, no Nest, no level',
      severity: 'error',
      from: { path: '^apps/guard/', pathNot: TEST },
      to: { path: 'node_modules/(zod|pg|level|pino|fastify|@nestjs|commander)/' },
    },
    {
      name: 'testing-in-tests-only',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: `${TEST}|^libs/testing/` },
      to: { path: '^libs/testing/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
