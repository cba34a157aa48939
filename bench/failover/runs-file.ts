import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Fault, Mode, SystemName } from './fault.ts';

/** One fault, once; what every table is made from. */
export type MeasuredRun = {
  readonly at: string;
  readonly system: SystemName;
  readonly mode: Mode;
  /** `bootstrap`: from empty directories to a primary with two streaming standbys. */
  readonly fault: Fault | 'bootstrap';
  readonly gapMs: number;
  readonly dual: number;
  readonly lost: number;
  /** Load average of the machine just before. */
  readonly load: number;
  /** As the system recorded them; null for one that records none. */
  readonly phasesMs: Readonly<Record<string, number>> | null;
};

/** Runs of several invocations, a line of JSON each: a peer's run takes up to a minute. */
export class RunsFile {
  constructor(readonly path: string) {}

  read(): readonly MeasuredRun[] {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as MeasuredRun);
  }

  add(run: MeasuredRun): void {
    appendFileSync(this.path, `${JSON.stringify(run)}\n`);
  }

  /** Older figures of what is measured anew say nothing about it any more. */
  forget(outdated: (run: MeasuredRun) => boolean): void {
    const kept = this.read().filter((run) => !outdated(run));
    writeFileSync(this.path, kept.map((run) => `${JSON.stringify(run)}\n`).join(''));
  }
}
