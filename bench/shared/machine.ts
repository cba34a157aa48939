import { cpus, loadavg, totalmem } from 'node:os';

const GIB = 1_024 ** 3;

export function machineText(): string {
  const memory = Math.round(totalmem() / GIB);
  return `${cpus().length} cores, ${memory} GiB of memory, Node.js ${process.version}`;
}

/** Of the last minute, to one digit: figures of a busy machine say little without it. */
export function loadAverage(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}
