import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { LeaderKill, Run } from './report.ts';

export type Part =
  | { readonly kind: 'run'; readonly run: Run }
  | { readonly kind: 'leaderKill'; readonly kill: LeaderKill };

/** What several invocations measured, a line of JSON each: all of it takes seven minutes. */
export class RunsFile {
  /** Null: only what this invocation measures counts. */
  constructor(readonly path: string | null) {}

  read(): readonly Part[] {
    if (this.path === null || !existsSync(this.path)) return [];
    const lines = readFileSync(this.path, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Part);
  }

  add(part: Part): void {
    if (this.path !== null) appendFileSync(this.path, `${JSON.stringify(part)}\n`);
  }
}
