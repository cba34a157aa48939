import { type Conninfo, formatConninfo } from './conninfo.ts';

export type BaseBackupRequest = {
  readonly binDirectory: string;
  /** Of the server to copy from; a password goes through the environment, never in here. */
  readonly source: Conninfo;
  /** Must not exist or be empty. */
  readonly targetDirectory: string;
  /** An existing physical slot that keeps the source's WAL; without it a temporary one is made. */
  readonly slotName?: string;
  readonly label?: string;
  /** 32 to 1,048,576 kB/s, as pg_basebackup allows. */
  readonly maxRateKbPerSecond?: number;
  readonly walDirectory?: string;
  readonly tablespaceMapping?: Readonly<Record<string, string>>;
};

/** A spread checkpoint could hold it up for minutes, hence `--checkpoint=fast`. */
export function baseBackupArgv(request: BaseBackupRequest): readonly string[] {
  const { slotName, maxRateKbPerSecond, walDirectory } = request;
  return [
    `${request.binDirectory}/pg_basebackup`,
    `--dbname=${formatConninfo(request.source)}`,
    `--pgdata=${request.targetDirectory}`,
    '--format=plain',
    '--wal-method=stream',
    '--checkpoint=fast',
    '--no-password',
    '--progress',
    `--label=${request.label ?? 'matriarch'}`,
    ...(slotName === undefined ? [] : [`--slot=${slotName}`]),
    ...(maxRateKbPerSecond === undefined ? [] : [`--max-rate=${maxRateKbPerSecond}k`]),
    ...(walDirectory === undefined ? [] : [`--waldir=${walDirectory}`]),
    ...Object.entries(request.tablespaceMapping ?? {}).map(
      ([from, to]) => `--tablespace-mapping=${escaped(from)}=${escaped(to)}`,
    ),
  ];
}

export type CopyProgress = { readonly doneBytes: number; readonly totalBytes: number };

/** A progress line of pg_basebackup (`23712/31714 kB (74%), 0/1 tablespace`) or pg_rewind. */
export function parseCopyProgress(line: string): CopyProgress | undefined {
  const match = /^\s*(\d+)\/\s*(\d+) kB \(\s*\d+%\)/.exec(line);
  if (match === null) return undefined;
  return { doneBytes: Number(match[1]) * 1_024, totalBytes: Number(match[2]) * 1_024 };
}

function escaped(path: string): string {
  return path.replaceAll('=', '\\=');
}
