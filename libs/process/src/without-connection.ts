/** Of libpq: to whom, and as whom. Those about TLS and limits stay: where they are set they are meant for all. */
const CONNECTION: ReadonlySet<string> = new Set([
  ...['PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGDATABASE', 'PGUSER', 'PGPASSWORD', 'PGPASSFILE'],
  ...['PGSERVICE', 'PGSERVICEFILE', 'PGOPTIONS', 'PGAPPNAME', 'PGREQUIREPEER'],
  ...['PGTARGETSESSIONATTRS', 'PGLOADBALANCEHOSTS'],
]);

/**
 * Without what somebody had exported for `psql` in the shell that a process of ours was started from: a
 * password there wins over every password file, and no standby could stream or be built.
 */
export function withoutConnection(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !CONNECTION.has(name)));
}
