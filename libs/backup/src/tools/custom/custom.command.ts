import type { RecoveryTarget } from '#libs/cluster';

export type CustomFacts = {
  readonly dataDirectory: string;
  readonly walDirectory: string | null;
  /** As a conninfo; empty while there is no server (bootstrap). */
  readonly source: string;
  readonly systemIdentifier: string;
  readonly timeline: string;
  readonly bandwidthBytesPerSecond: number | null;
  readonly target: RecoveryTarget | null;
};

/** What an operator's program is told, in variables: an argv would need a quoting of its own. */
export function customEnvironment(facts: CustomFacts): Readonly<Record<string, string>> {
  return {
    MATRIARCH_DATA_DIRECTORY: facts.dataDirectory,
    MATRIARCH_WAL_DIRECTORY: facts.walDirectory ?? '',
    MATRIARCH_SOURCE: facts.source,
    MATRIARCH_SYSTEM_IDENTIFIER: facts.systemIdentifier,
    MATRIARCH_TIMELINE: facts.timeline,
    MATRIARCH_BANDWIDTH: facts.bandwidthBytesPerSecond?.toString() ?? '',
    MATRIARCH_TARGET_KIND: facts.target?.kind ?? '',
    MATRIARCH_TARGET: facts.target?.value ?? '',
  };
}
