/** Lines of `pg_hba.conf` and `pg_ident.conf`. */
export type AccessLines = {
  readonly pgHba: readonly string[];
  readonly pgIdent: readonly string[];
};

/** Lines that stand before those of the whole cluster: PostgreSQL takes the first one that matches. */
export type AccessOverrides = {
  readonly primary: AccessLines;
  readonly standby: AccessLines;
  readonly instances: Readonly<Record<string, AccessLines>>;
};
