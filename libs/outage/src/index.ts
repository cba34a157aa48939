export { AcknowledgedIds, MAX_IDS, TooManyIdsError } from './acknowledged-ids.ts';
export {
  CONNECT_TIMEOUT_MS,
  type Credentials,
  type DatabaseHost,
  QUERY_TIMEOUT_MS,
} from './database-connection.ts';
export { type Acknowledgement, Ledger, type OutageTally } from './ledger.ts';
export {
  type ClusterObservation,
  type HostObservation,
  observeHosts,
} from './observe-hosts.ts';
export {
  type ClientView,
  NoSuchHostError,
  ProbeFailedError,
  WritingClient,
  type WritingClientOptions,
} from './writing-client.ts';
