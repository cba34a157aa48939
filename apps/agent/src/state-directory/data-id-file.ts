import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readFileIfPresent, writeFileDurably } from '#libs/process';

const ID_BYTES = 4;

/**
 * `<stateDirectory>/data-id`: random, renewed with each new copy of the data, part of the standby's
 * `application_name`: a copy of a member is not the member (safety 14).
 */
export class DataIdFile {
  constructor(readonly stateDirectory: string) {}

  current(): string {
    const text = readFileIfPresent(this.#path)?.trim();
    return text !== undefined && /^[0-9a-f]{8}$/.test(text) ? text : this.renew();
  }

  renew(): string {
    const id = randomBytes(ID_BYTES).toString('hex');
    writeFileDurably(this.#path, `${id}\n`);
    return id;
  }

  get #path(): string {
    return join(this.stateDirectory, 'data-id');
  }
}
