/** Who may connect to which instance, beside the lines that every instance has. */
import type { InstanceName } from '#libs/kernel';
import type { AccessLines, AccessOverrides } from './access-lines.ts';
import type { ClusterConfiguration } from './configuration.ts';
import type { PostgresDefinition } from './definition.ts';

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
