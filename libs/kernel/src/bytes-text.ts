const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** A size for people, as PostgreSQL's pg_size_pretty writes it: 0 B, 812 B, 1.5 MB. */
export function bytesText(bytes: bigint | number): string {
  let value = Number(bytes);
  if (value < 1_024) return `${value} B`;
  let unit: string = 'B';
  for (const next of UNITS) {
    if (value < 1_024) break;
    value /= 1_024;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
