import { REMOTE_NAME } from '#libs/cluster';
import type { Lsn } from '#libs/kernel';
import type { Check } from './preflight.ts';
import { refusalOf } from './refusal.ts';

/** What a server has for those who stream from it. */
export type SenderRoom = {
  readonly senders: number;
  readonly sendersUsed: number;
  readonly slots: number;
  /** Of everybody. */
  readonly slotNames: readonly string[];
  /** From where on our slot keeps WAL; null: not known. */
  readonly keptFrom: Lsn | null;
};

export type AdmissionFacts = {
  readonly server: string;
  readonly user: string;
  /** Walsenders that were tried for at once. */
  readonly wanted: number;
  /** What refused them; null: they were there. */
  readonly refused: unknown;
  /** Null when it could not be asked. */
  readonly room: SenderRoom | null;
  /** Ours, where the instance is to stream from this server with one. */
  readonly slotName: string | null;
};

/** Whether a server lets in a copy, and the standby that it becomes. Pure. */
export function judgeAdmission(facts: AdmissionFacts): readonly Check[] {
  const { wanted, slotName, room } = facts;
  return [
    ...(wanted === 0 ? [] : [senderCheck(facts)]),
    ...(slotName === null || room === null ? [] : [slotCheck(facts.server, slotName, room)]),
  ];
}

function senderCheck({ server, user, wanted, refused, room }: AdmissionFacts): Check {
  const name = 'replication';
  if (refused === null)
    return { name, ok: true, detail: `${wanted} walsender${wanted === 1 ? '' : 's'} as ${user}` };
  const full = room !== null && room.sendersUsed + wanted > room.senders;
  const value = full
    ? `max_wal_senders = ${room.senders} on ${server}, ${room.sendersUsed} in use, ${wanted} needed: `
    : '';
  return { name, ok: false, detail: `${value}${refusalOf(server, user, refused)}` };
}

/** The primary of a cluster makes the slots of its members; at a remote one somebody else must have made it. */
function slotCheck(server: string, slotName: string, { slots, slotNames }: SenderRoom): Check {
  const name = 'slot';
  if (slotNames.includes(slotName)) return { name, ok: true, detail: `${slotName} is there` };
  if (server === REMOTE_NAME) {
    const way = 'make it there (`slots.permanent` of its cluster)';
    return { name, ok: false, detail: `${server} has no slot ${slotName}: ${way}` };
  }
  if (slotNames.length < slots) return { name, ok: true, detail: `${slotName} is made there` };
  const used = `all in use (${slotNames.join(', ')}), none for ${slotName}`;
  const way = 'drop one that nobody needs, or raise it (`matriarch config set`, then a restart)';
  return {
    name,
    ok: false,
    detail: `max_replication_slots = ${slots} on ${server}, ${used}: ${way}`,
  };
}
