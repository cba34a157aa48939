import { type AccessLines, type ClusterConfiguration, NO_ACCESS_OVERRIDES } from '#libs/cluster';

/** One place of a configuration that differs; null where it is not given. */
export type ConfigurationChange = {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
};

/** What changed, by place, in the order in which `matriarch config show` prints it. */
export function changesBetween(
  before: ClusterConfiguration,
  after: ClusterConfiguration,
): ConfigurationChange[] {
  const [old, now] = [placesOf(before), placesOf(after)];
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  return keys.flatMap((key) => {
    const [was, is] = [old.get(key) ?? null, now.get(key) ?? null];
    return was === is ? [] : [{ key, before: was, after: is }];
  });
}

export function changesText(changes: readonly ConfigurationChange[]): string {
  return changes
    .flatMap(({ key, before, after }) => [
      ...(before === null ? [] : [`- ${key}: ${before}`]),
      ...(after === null ? [] : [`+ ${key}: ${after}`]),
    ])
    .join('\n');
}

function placesOf(configuration: ClusterConfiguration): Map<string, string> {
  const { settings, parameters, overrides, slots, rebuild = {}, archive } = configuration;
  const places = new Map<string, string>();
  const note = (prefix: string, values: object): void => {
    for (const [name, value] of Object.entries(values)) places.set(`${prefix}${name}`, text(value));
  };
  note('settings.', settings);
  note('parameters.', parameters);
  note('primary.', overrides.primary);
  note('standby.', overrides.standby);
  for (const [name, values] of Object.entries(overrides.instances)) {
    note(`instances.${name}.`, values);
  }
  const noteLines = (prefix: string, lines: AccessLines): void => {
    for (const [at, line] of lines.pgHba.entries()) places.set(`${prefix}pgHba[${at + 1}]`, line);
    for (const [at, line] of lines.pgIdent.entries()) {
      places.set(`${prefix}pgIdent[${at + 1}]`, line);
    }
  };
  noteLines('', configuration);
  const { primary, standby, instances } = configuration.accessOverrides ?? NO_ACCESS_OVERRIDES;
  noteLines('primary.', primary);
  noteLines('standby.', standby);
  for (const [name, lines] of Object.entries(instances)) noteLines(`instances.${name}.`, lines);
  const { permanent = {}, ignore = [], ...rest } = slots ?? {};
  note('slots.', rest);
  for (const [name, slot] of Object.entries(permanent)) {
    places.set(`slots.permanent.${name}`, Object.values(slot).join(' '));
  }
  for (const [at, matcher] of ignore.entries()) {
    places.set(`slots.ignore[${at + 1}]`, JSON.stringify(matcher));
  }
  note('rebuild.', rebuild);
  if (archive != null) note('archive.', archive);
  return places;
}

function text(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(String).join(', ')}]` : String(value);
}
