/** Who may connect to which instance, beside the lines that every instance has. */
import type { InstanceName } from '#libs/kernel';
import type { ClusterConfiguration } from './configuration.ts';
import type { PostgresDefinition } from './definition.ts';

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

const NO_LINES: AccessLines = { pgHba: [], pgIdent: [] };

export const NO_ACCESS_OVERRIDES: AccessOverrides = {
  primary: NO_LINES,
  standby: NO_LINES,
  instances: {},
};

/** Of one instance in its role, the more special first; those of the whole cluster come after them. */
export function specialLines(
  { accessOverrides: of = NO_ACCESS_OVERRIDES }: Pick<PostgresDefinition, 'accessOverrides'>,
  role: 'primary' | 'standby',
  instance: InstanceName,
): AccessLines {
  const own = of.instances[instance] ?? NO_LINES;
  return {
    pgHba: [...own.pgHba, ...of[role].pgHba],
    pgIdent: [...own.pgIdent, ...of[role].pgIdent],
  };
}

/** What says nothing is not there, so that it is recorded in one way. */
export function withoutEmptyAccess(configuration: ClusterConfiguration): ClusterConfiguration {
  const { accessOverrides, ...others } = configuration;
  if (accessOverrides === undefined) return others;
  const { primary, standby, instances: all } = accessOverrides;
  const instances = Object.fromEntries(Object.entries(all).filter(([, own]) => !isEmpty(own)));
  const none = isEmpty(primary) && isEmpty(standby) && Object.keys(instances).length === 0;
  return none ? others : { ...others, accessOverrides: { primary, standby, instances } };
}

function isEmpty({ pgHba, pgIdent }: AccessLines): boolean {
  return pgHba.length + pgIdent.length === 0;
}
