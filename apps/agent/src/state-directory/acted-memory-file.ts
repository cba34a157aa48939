import { join } from 'node:path';
import { DomainError, messageOf } from '#libs/kernel';
import { readFileIfPresent, writeFileDurably } from '#libs/process';
import { type ActedMemory, EMPTY_MEMORY, sameMemory } from '#libs/reconcile';

class ActedMemoryNotKeptError extends DomainError {
  readonly code = 'ACTED_MEMORY_NOT_KEPT';

  constructor(path: string, cause: unknown) {
    super(
      `nothing is done that is not remembered first, and ${path} cannot be written ` +
        `(${messageOf(cause)}): make room on its disk, or mend the rights of its directory`,
      { cause },
    );
  }
}

class ActedMemoryError extends DomainError {
  readonly code = 'ACTED_MEMORY_UNREADABLE';
}

/** `<stateDirectory>/acted.json`: on disk before anything is done because of it (safety 4). */
export class ActedMemoryFile {
  #memory: ActedMemory;

  /** @throws ActedMemoryError: without it the agent must not act, a guess could undo a promise */
  constructor(readonly stateDirectory: string) {
    this.#memory = parse(this.#path, readFileIfPresent(this.#path));
  }

  get memory(): ActedMemory {
    return this.#memory;
  }

  /**
   * Returns when it is durable; writes nothing when nothing changed.
   *
   * @throws ActedMemoryNotKeptError: what was to be done is not done
   */
  keep(memory: ActedMemory): void {
    if (sameMemory(memory, this.#memory)) return;
    try {
      writeFileDurably(this.#path, `${JSON.stringify(memory)}\n`);
    } catch (error) {
      throw new ActedMemoryNotKeptError(this.#path, error);
    }
    this.#memory = memory;
  }

  get #path(): string {
    return join(this.stateDirectory, 'acted.json');
  }
}

function parse(path: string, text: string | undefined): ActedMemory {
  if (text === undefined) return EMPTY_MEMORY;
  try {
    const value: unknown = JSON.parse(text);
    if (isActedMemory(value)) return value;
  } catch (cause) {
    throw new ActedMemoryError(`${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  throw new ActedMemoryError(`${path} does not hold what this agent has acted on`);
}

function isActedMemory(value: unknown): value is ActedMemory {
  if (typeof value !== 'object' || value === null) return false;
  const incarnation = 'controllersIncarnation' in value ? value.controllersIncarnation : undefined;
  const numbers = ['version', 'epoch', 'detachedThroughEpoch'].map(
    (name) => Object.entries(value).find(([key]) => key === name)?.[1],
  );
  return (
    (incarnation === null || typeof incarnation === 'string') &&
    numbers.every((number) => typeof number === 'number' && Number.isSafeInteger(number))
  );
}
