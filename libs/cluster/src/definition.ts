import type { ClusterConfiguration, ParameterOverrides } from './configuration.ts';
import type { ArchivePolicy, BootstrapPolicy, RebuildPolicy } from './rebuild/policy.ts';
import type { SlotPolicy } from './replication/slot-policy.ts';

/** Where something listens. */
export type Endpoint = { readonly host: string; readonly port: number };

/** PostgreSQL's part of a cluster's definition. Passwords are not here: they never enter the history. */
export type PostgresDefinition = {
  readonly superuser: string;
  readonly replicationUser: string;
  readonly rewindUser: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly pgHba: readonly string[];
  /** Lines of `pg_ident.conf` after our own. */
  readonly pgIdent?: readonly string[] | undefined;
  readonly overrides?: ParameterOverrides | undefined;
  readonly accessOverrides?: ClusterConfiguration['accessOverrides'];
  /** Absent: the defaults. */
  readonly slots?: SlotPolicy | undefined;
  /** Absent: the defaults of a cluster without the section. */
  readonly rebuild?: RebuildPolicy;
  /** Absent: WAL is not archived. */
  readonly archive?: ArchivePolicy;
  /** Absent: the first instance is made by initdb, with our options. */
  readonly bootstrap?: BootstrapPolicy;
};

export type InstanceTags = {
  readonly noFailover: boolean;
  readonly noLoadBalance: boolean;
  /** Decides only among candidates with equal positions; higher is preferred. */
  readonly failoverPriority: number;
  /** No commit ever waits for it. Absent in what older agents said: false. */
  readonly noSync?: boolean;
  /** Order in which commits wait for standbys in mode `priority`; higher first. Absent: 1. */
  readonly syncPriority?: number;
  /** Where it stands: a data centre, a rack. */
  readonly zone?: string;
  /** Streams from this instance in place of the primary, while that one streams itself. */
  readonly replicateFrom?: string;
  /** Fed by the archive alone; never a candidate by itself. Absent: false. */
  readonly noStream?: boolean;
  /** Preferred source of copies. Absent: false. */
  readonly cloneFrom?: boolean;
  /** Whatever else load balancers and people want to tell instances by. */
  readonly custom?: Readonly<Record<string, string>>;
};
