/** What an agent's file says of the backup tools on its host. A tool without a section cannot be used there. */
export type BackupSettings = {
  readonly pgbackrest: PgbackrestSettings | null;
  readonly barman: BarmanSettings | null;
  readonly walg: WalgSettings | null;
  readonly custom: CustomSettings | null;
};

export const NO_BACKUP_TOOLS: BackupSettings = {
  pgbackrest: null,
  barman: null,
  walg: null,
  custom: null,
};

export type PgbackrestSettings = {
  readonly program: string;
  readonly stanza: string;
  /** Absolute; null: pgBackRest's own default. */
  readonly config: string | null;
  readonly repository: number | null;
  /** Processes that copy in parallel; null: as its own configuration says. */
  readonly processes: number | null;
};

export type BarmanSettings = {
  /** Name of the server in Barman's configuration. */
  readonly server: string;
  /** The Barman host; null: this host, as the user that we run as. */
  readonly host: string | null;
  readonly user: string;
  /** How we reach the Barman host, without host and command. */
  readonly ssh: readonly string[];
  /** How the Barman host reaches this one as PostgreSQL's user; null only where Barman is on this host. */
  readonly remoteSshCommand: string | null;
  /** `barman`, or what to run on the Barman host instead. */
  readonly program: readonly string[];
  readonly walRestoreProgram: string;
  readonly walArchiveProgram: string;
  readonly backup: string;
  /** Null: `barman` itself is run, here or over SSH. */
  readonly api: BarmanApiSettings | null;
};

/** Barman's REST API (pg-backup-api), which is asked in place of `barman`. WAL does not come by it. */
export type BarmanApiSettings = {
  readonly url: string;
  /** PEM file of the authority of its certificate; null: those that this host trusts. */
  readonly ca: string | null;
  /** PEM files; null: it asks for no certificate of ours. */
  readonly client: { readonly certificate: string; readonly key: string } | null;
};

export type WalgSettings = {
  readonly program: string;
  /** Lines `NAME=value`: where the backups are, and the keys to them. */
  readonly environmentFile: string;
  readonly backup: string;
};

/** Programs of the operator, run without a shell; see docs/runbooks/backup-custom.md for their variables. */
export type CustomSettings = {
  readonly restore: readonly string[] | null;
  /** Exit code 0: the source is there and fits. */
  readonly check: readonly string[] | null;
  /** `%f` and `%p` as in restore_command. */
  readonly fetchWal: readonly string[] | null;
  readonly archiveWal: readonly string[] | null;
};
