import { DISK } from './disk.ts';
import { DURABILITY } from './durability.ts';
import { ELECTION } from './election.ts';
import { INTEGRITY } from './integrity.ts';
import { LEADERSHIP } from './leadership.ts';
import { MEMBERSHIP } from './membership.ts';
import type { Mutation } from './mutation.ts';
import { REPLICATION } from './replication.ts';
import { ROUNDS } from './rounds.ts';
import { STATE } from './state.ts';

export { HARMLESS } from './harmless.ts';

export const MUTATIONS: readonly Mutation[] = [
  ...DURABILITY,
  ...DISK,
  ...STATE,
  ...INTEGRITY,
  ...REPLICATION,
  ...ELECTION,
  ...LEADERSHIP,
  ...ROUNDS,
  ...MEMBERSHIP,
];
