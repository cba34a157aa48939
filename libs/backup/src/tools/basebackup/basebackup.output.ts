import { type CopyProgress, parseCopyProgress } from '#libs/postgres-model';

/** A line of `pg_basebackup --progress`. */
export function basebackupProgress(line: string): CopyProgress | undefined {
  return parseCopyProgress(line);
}

export type ServerFacts = {
  readonly systemIdentifier: string | null;
  readonly major: number | null;
  readonly bytes: number | null;
  readonly tablespaceLocations: readonly string[];
};

export function serverFacts(row: Readonly<Record<string, unknown>>): ServerFacts {
  const { identifier, major, bytes, locations } = row;
  return {
    systemIdentifier: typeof identifier === 'string' ? identifier : null,
    major: typeof major === 'number' ? major : null,
    bytes: typeof bytes === 'string' ? Number(bytes) : null,
    tablespaceLocations:
      typeof locations === 'string' ? (JSON.parse(locations) as readonly string[]) : [],
  };
}
