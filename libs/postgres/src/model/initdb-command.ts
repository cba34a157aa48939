export type InitdbRequest = {
  readonly binDirectory: string;
  readonly dataDirectory: string;
  readonly superuser: string;
  /** File that holds the superuser's password; never in the argv. */
  readonly passwordFile?: string;
  /** Default `C.UTF-8`: the same on every host, whatever its locales. */
  readonly locale?: string;
  readonly walSegmentMb?: number;
  readonly walDirectory?: string;
  /** Given to initdb as they are, last. */
  readonly extraOptions?: readonly string[];
};

/** Checksums always: without them `pg_rewind` needs `wal_log_hints`, and damage goes unseen. */
export function initdbArgv(request: InitdbRequest): readonly string[] {
  const { passwordFile, walSegmentMb, walDirectory } = request;
  return [
    `${request.binDirectory}/initdb`,
    `--pgdata=${request.dataDirectory}`,
    `--username=${request.superuser}`,
    '--encoding=UTF8',
    `--locale=${request.locale ?? 'C.UTF-8'}`,
    '--data-checksums',
    '--auth-local=peer',
    '--auth-host=scram-sha-256',
    ...(passwordFile === undefined ? [] : [`--pwfile=${passwordFile}`]),
    ...(walSegmentMb === undefined ? [] : [`--wal-segsize=${walSegmentMb}`]),
    ...(walDirectory === undefined ? [] : [`--waldir=${walDirectory}`]),
    ...(request.extraOptions ?? []),
  ];
}
