import type { ClusterName } from '#libs/kernel';

/** Prefixes of the stored state. What lies under each is written by exactly one file of this library. */
export const PREFIX = {
  cluster: 'cluster/',
  controllers: 'controllers/',
  credentials: 'credentials/',
  history: 'history/',
  outage: 'outage/',
  register: 'register/',
  session: 'session/',
} as const;

export function clusterKey(name: ClusterName): string {
  return `${PREFIX.cluster}${name}`;
}

/** Which life of the controllers this is; absent in the founding one. */
export const INCARNATION_KEY = `${PREFIX.controllers}incarnation`;

/** The level of the protocol that the group has switched to; absent: 1. */
export const PROTOCOL_KEY = `${PREFIX.controllers}protocol`;

export function credentialsKey(name: ClusterName): string {
  return `${PREFIX.credentials}${name}`;
}

/** Sequences are padded so that text order is numeric order. */
export function historyKey(name: ClusterName, sequence: number): string {
  return `${PREFIX.history}${name}/${String(sequence).padStart(16, '0')}`;
}

export function outageKey(name: ClusterName, number: number): string {
  return `${PREFIX.outage}${name}/${String(number).padStart(16, '0')}`;
}

export function registerKey(key: string): string {
  return PREFIX.register + key;
}

export function sessionKey(session: number): string {
  return PREFIX.session + String(session).padStart(16, '0');
}
