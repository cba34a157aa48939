import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeFileDurably, writeFileDurably } from '#libs/process';

/**
 * `<stateDirectory>/clients-kept-out`: there while clients may not come in on a restarted primary
 * (safety 12), so that an agent that is restarted meanwhile does not let them in.
 */
export class KeptOutFile {
  #keptOut: boolean;

  constructor(readonly stateDirectory: string) {
    this.#keptOut = existsSync(this.#path);
  }

  get keptOut(): boolean {
    return this.#keptOut;
  }

  /** Returns when it is durable. */
  keep(keptOut: boolean): void {
    if (keptOut === this.#keptOut) return;
    if (keptOut) writeFileDurably(this.#path, 'until standbys have what was recovered\n');
    else removeFileDurably(this.#path);
    this.#keptOut = keptOut;
  }

  get #path(): string {
    return join(this.stateDirectory, 'clients-kept-out');
  }
}
