import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readFileIfPresent, writeFileDurably } from '#libs/process';

const ID_BYTES = 4;

/**
 * `<stateDirectory>/data-id`: random, renewed with each new copy of the data, part of the standby's
 * `application_name`: a copy of a member is not the member (safety 14).
 */
export class DataIdFile {
  #known: string | null = null;

  constructor(readonly stateDirectory: string) {}

  /** Read once: only `renew` writes it, and each report names it. */
  current(): string {
    if (this.#known !== null) return this.#known;
    const text = readFileIfPresent(this.#path)?.trim();
    if (text === undefined || !/^[0-9a-f]{8}$/.test(text)) return this.renew();
    this.#known = text;
    return text;
  }

  renew(): string {
    const id = randomBytes(ID_BYTES).toString('hex');
    writeFileDurably(this.#path, `${id}\n`);
    this.#known = id;
    return id;
  }

  get #path(): string {
    return join(this.stateDirectory, 'data-id');
  }
}
