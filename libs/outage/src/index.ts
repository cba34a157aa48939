export type { Credentials, DatabaseHost } from './database-connection.ts';
export { type ClusterObservation, HostWatch, observeHosts } from './observe-hosts.ts';
export { type ClientView, WritingClient } from './writing-client.ts';
