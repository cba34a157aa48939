import { codeOf, DomainError, messageOf } from '#libs/kernel';

/** The file system refuses; what lies in the directory is not in doubt. */
export class DirectoryUnusableError extends DomainError {
  readonly code = 'DIRECTORY_UNUSABLE';

  constructor(directory: string, reason: string, remedy: string, options?: { cause?: unknown }) {
    super(`${directory} cannot be used (${reason}): ${remedy}, then start again`, options);
  }
}

type Refusal = {
  readonly codes: readonly string[];
  readonly text: string;
  readonly remedy: string;
};

/** Node gives codes; LevelDB only the words of the C library. */
const REFUSALS: readonly Refusal[] = [
  {
    codes: ['ENOSPC'],
    text: 'No space left on device',
    remedy: 'free space on its file system, nothing in it is lost',
  },
  {
    codes: ['EDQUOT'],
    text: 'Disk quota exceeded',
    remedy: 'free space or raise the quota, nothing in it is lost',
  },
  { codes: ['EROFS'], text: 'Read-only file system', remedy: 'look why it is mounted read-only' },
  {
    codes: ['EACCES', 'EPERM'],
    text: 'Permission denied',
    remedy: "give it to the controller's user",
  },
  {
    codes: ['EMFILE', 'ENFILE'],
    text: 'Too many open files',
    remedy: 'raise the limit of open files',
  },
];

/** What refuses the use of `directory`; null when `error` speaks of something else, as of damage. */
export function unusable(directory: string, error: unknown): DirectoryUnusableError | null {
  for (let at = error; at !== undefined && at !== null; at = causeOf(at)) {
    const code = codeOf(at) ?? '';
    const message = messageOf(at);
    const found = REFUSALS.find(
      ({ codes, text }) => codes.includes(code) || message.includes(text),
    );
    if (found !== undefined) {
      return new DirectoryUnusableError(directory, found.text, found.remedy, { cause: error });
    }
  }
  return null;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
