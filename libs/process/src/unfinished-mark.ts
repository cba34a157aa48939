import { join, resolve } from 'node:path';
import { readFileIfPresent, removeFileDurably, writeFileDurably } from './durable-file.ts';

/**
 * Marks a data directory that something changes in place: until the end of that work it must never be
 * started (safety 25). The mark stands beside the directory too, because `pg_rewind` removes from it
 * every file that its source does not have.
 */
export function markUnfinished(dataDirectory: string, work: string): void {
  for (const path of marksOf(dataDirectory)) writeFileDurably(path, `${work}\n`);
}

/** Only beside: what is in the directory is about to be moved away as it is. */
export function markUnfinishedBeside(dataDirectory: string, work: string): void {
  const [beside] = marksOf(dataDirectory);
  writeFileDurably(beside, `${work}\n`);
}

/** Of what is moved away as it is: it stays marked where it is kept. */
export function markUnfinishedInside(directory: string, work: string): void {
  const [, inside] = marksOf(directory);
  writeFileDurably(inside, `${work}\n`);
}

/** The work that was begun and not ended, or undefined. */
export function unfinishedWork(dataDirectory: string): string | undefined {
  for (const path of marksOf(dataDirectory)) {
    const work = readFileIfPresent(path);
    if (work !== undefined) return work.trim();
  }
  return undefined;
}

/** Ends the mark; the one beside the directory goes last. */
export function clearUnfinished(dataDirectory: string): void {
  for (const path of [...marksOf(dataDirectory)].reverse()) removeFileDurably(path);
}

function marksOf(dataDirectory: string): readonly [beside: string, inside: string] {
  const directory = resolve(dataDirectory);
  return [`${directory}.matriarch-unfinished`, join(directory, 'matriarch.unfinished')];
}
