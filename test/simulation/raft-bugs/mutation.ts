import type { SourcePatch } from '../source-patch.ts';

export type Mutation = SourcePatch & { readonly name: string };

/** Where the patched files lie. */
export const raft = (room: string): string => `libs/raft/src/${room}.ts`;
export const host = (room: string): string => `libs/testing/src/raft-simulator/${room}.ts`;
