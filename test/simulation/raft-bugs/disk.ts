import { type Mutation } from './mutation.ts';

export const DISK: readonly Mutation[] = [
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
