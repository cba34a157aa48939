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
  const access = accessOverrides === undefined ? null : accessThatSays(accessOverrides);
  return access === null ? others : { ...others, accessOverrides: access };
}

/** Without the instances that say nothing; null when nobody says anything. */
export function accessThatSays(overrides: AccessOverrides): AccessOverrides | null {
  const { primary, standby } = overrides;
  const own = Object.entries(overrides.instances).filter(([, lines]) => !isEmpty(lines));
  if (isEmpty(primary) && isEmpty(standby) && own.length === 0) return null;
  return { primary, standby, instances: Object.fromEntries(own) };
}

function isEmpty({ pgHba, pgIdent }: AccessLines): boolean {
  return pgHba.length + pgIdent.length === 0;
}
