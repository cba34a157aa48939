export type { Credentials, DatabaseHost } from './database-connection.ts';
export { type ClusterObservation, observeHosts } from './observe-hosts.ts';
export { type ClientView, WritingClient } from './writing-client.ts';
