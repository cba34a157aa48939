import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export const METHODS = [
  'basebackup',
  'pgbackrest',
  'barman',
  'walg',
  'custom',
  'pg_rewind',
] as const;
export type Method = (typeof METHODS)[number];

/** Of PostgreSQL, named in the document. */
export const BENCH_SETTINGS = {
  shared_buffers: '256MB',
  max_connections: '30',
  max_wal_size: '4GB',
};

/** One rebuild, by the tool alone or by us; what every table is made from. */
export type MeasuredCopy = {
  readonly at: string;
  readonly method: Method;
  readonly by: 'tool' | 'ours';
  /** The tool: until its command ends. Ours: from the order until the instance streams. */
  readonly ms: number;
  readonly databaseMb: number;
  /** Absent in runs before it was set: PostgreSQL's own, 1 GB. */
  readonly maxWalSize?: string;
  /** Load average of the machine just before. */
  readonly load: number;
};

/** Copies of several invocations, a line of JSON each. */
export class CopiesFile {
  constructor(readonly path: string) {}

  read(): readonly MeasuredCopy[] {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as MeasuredCopy);
  }

  add(copy: MeasuredCopy): void {
    appendFileSync(this.path, `${JSON.stringify(copy)}\n`);
  }
}
