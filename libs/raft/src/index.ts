export type * from './messages.ts';
export type * from './ports.ts';
export { createRaft } from './raft.ts';
export { aloneAt, isFounder, seatAt } from './seats.ts';
export type * from './types.ts';
