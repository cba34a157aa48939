import { messageOf } from '#libs/kernel';
import { RefusedError, UsageError } from '../cli-error.ts';

export type Editing<T> = {
  /** What a person made of a text. */
  readonly edit: (text: string) => Promise<string>;
  readonly take: (text: string) => Promise<T>;
};

const REASON = '# not taken: ';

/**
 * Gives a text to a person, and again with the reason at its head until it is taken: nobody types
 * it twice for one mistake. Null when it came back as it was, or empty.
 *
 * @throws what refused it last, when the person left that as it was; at once what editing cannot mend
 */
export async function editUntilTaken<T>(
  text: string,
  { edit, take }: Editing<T>,
): Promise<T | null> {
  let offered = text;
  let refused: unknown = null;
  for (;;) {
    const saved = await edit(offered);
    if (isBlank(saved)) return null;
    if (saved === offered) {
      if (refused === null) return null;
      throw refused;
    }
    try {
      return await take(saved);
    } catch (error) {
      if (!isMendable(error)) throw error;
      refused = error;
      offered = withReason(saved, messageOf(error));
    }
  }
}

/** True when nothing but comments stands in it. */
export function isBlank(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(#|$)/.test(line));
}

function isMendable(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  // Of a change meanwhile the text knows nothing.
  return error instanceof RefusedError && !error.rules.includes('revision-changed');
}

function withReason(text: string, reason: string): string {
  const lines = text.split('\n').filter((line) => !line.startsWith(REASON));
  return [...reason.split('\n').map((line) => `${REASON}${line}`), ...lines].join('\n');
}
