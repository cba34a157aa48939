/** What decides whether a server can take another's place. */
export type ServerFacts = {
  /** As `server_version_num`: 150018. */
  readonly versionNum: number;
  /** Those that a standby must not have less of than its primary. */
  readonly settings: Readonly<Record<string, number>>;
  /** Actual version of the collation that text is sorted by; null where PostgreSQL knows none. */
  readonly collation: string | null;
};
