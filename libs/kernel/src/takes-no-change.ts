import { codeOf } from './domain-error.ts';

/** A file system that was mounted read-only or given up when its disk failed, a directory that was given to another user. */
const CODES: readonly string[] = ['EROFS', 'EIO', 'EACCES', 'EPERM'];

/** Whether a file operation failed because nothing can be changed there, whoever tries it again. */
export function takesNoChange(error: unknown): boolean {
  return CODES.includes(codeOf(error) ?? '');
}
