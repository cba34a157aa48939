import { join } from 'node:path';
import { readFileIfPresent, writeFileDurably } from '#libs/process';

export type CopiedSlotsRecord = {
  /** This instance was the primary when it was last looked at: its logical slots are its own. */
  readonly asPrimary: boolean;
  /** Logical slots that must not be used yet, each with the transaction to pass; null: not known yet. */
  readonly unsafe: Readonly<Record<string, number | null>>;
};

export const NO_COPIED_SLOTS: CopiedSlotsRecord = { asPrimary: false, unsafe: {} };

/** `<stateDirectory>/copied-slots.json`: an agent that is restarted must not take for safe what it had only just copied. */
export class CopiedSlotsFile {
  #record: CopiedSlotsRecord;

  constructor(readonly stateDirectory: string) {
    this.#record = parse(readFileIfPresent(this.#path));
  }

  get record(): CopiedSlotsRecord {
    return this.#record;
  }

  /** On disk when it returns. */
  keep(record: CopiedSlotsRecord): void {
    const text = JSON.stringify(record);
    if (text === JSON.stringify(this.#record)) return;
    writeFileDurably(this.#path, `${text}\n`);
    this.#record = record;
  }

  get #path(): string {
    return join(this.stateDirectory, 'copied-slots.json');
  }
}

/** One that cannot be read tells nothing: as a former primary's, so that every slot is looked at anew. */
function parse(text: string | undefined): CopiedSlotsRecord {
  if (text === undefined) return NO_COPIED_SLOTS;
  const unreadable = { asPrimary: true, unsafe: {} };
  try {
    const { asPrimary, unsafe } = JSON.parse(text) as Partial<CopiedSlotsRecord>;
    if (typeof asPrimary !== 'boolean' || typeof unsafe !== 'object') return unreadable;
    return { asPrimary, unsafe };
  } catch (error) {
    if (error instanceof SyntaxError) return unreadable;
    throw error;
  }
}
