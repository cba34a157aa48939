import { type Mutation } from './mutation.ts';

export const STATE: readonly Mutation[] = [
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
