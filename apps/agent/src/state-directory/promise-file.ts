import { join } from 'node:path';
import { DomainError, type Epoch, epoch, messageOf } from '#libs/kernel';
import { readFileIfPresent, writeFileDurably } from '#libs/process';

class PromiseFileError extends DomainError {
  readonly code = 'PROMISE_UNREADABLE';
}

/** The highest epoch whose primary was promised anything, and for how long one promise lasts. */
export type KeptPromise = { readonly epoch: Epoch; readonly lastsMs: number };

/**
 * `<stateDirectory>/promise.json`: on disk before the first promise of an epoch is given, so that an
 * agent that starts anew behaves as if it had just given one (safety 11).
 */
export class PromiseFile {
  #kept: KeptPromise | null;

  /** @throws PromiseFileError: a guess could break a promise */
  constructor(readonly stateDirectory: string) {
    this.#kept = parse(this.#path, readFileIfPresent(this.#path));
  }

  get kept(): KeptPromise | null {
    return this.#kept;
  }

  /** Returns when it is durable; a promise that is on disk already costs nothing. */
  keep(promise: KeptPromise): void {
    if (this.#kept?.epoch === promise.epoch && this.#kept.lastsMs >= promise.lastsMs) return;
    writeFileDurably(this.#path, `${JSON.stringify(promise)}\n`);
    this.#kept = promise;
  }

  get #path(): string {
    return join(this.stateDirectory, 'promise.json');
  }
}

function parse(path: string, text: string | undefined): KeptPromise | null {
  if (text === undefined) return null;
  try {
    const { epoch: of, lastsMs } = JSON.parse(text) as { epoch: unknown; lastsMs: unknown };
    if (typeof of === 'number' && Number.isSafeInteger(of) && typeof lastsMs === 'number') {
      return { epoch: epoch(of), lastsMs };
    }
  } catch (cause) {
    throw new PromiseFileError(`${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  throw new PromiseFileError(`${path} does not hold what this agent has promised`);
}
