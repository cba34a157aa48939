import { DomainError } from '#libs/kernel';

/** Name of the map that lets the agent's OS user in as the superuser. */
export const IDENT_MAP = 'matriarch';

export class IdentLineError extends DomainError {
  readonly code = 'IDENT_LINE_INVALID';

  constructor(line: string, why: string) {
    super(`the line '${line}' of pg_ident.conf: ${why}`);
  }
}

/**
 * Manual, "User Name Maps": map, system user, database user; quotes keep spaces together.
 *
 * @throws IdentLineError; an empty line and a comment are fine
 */
export function checkIdentLine(line: string): void {
  if (/[\n\r\0]/.test(line)) throw new IdentLineError(line, 'it holds more than one line');
  const words = line.replace(/#.*$/, '').match(/"[^"]*"|[^\s"]+/g) ?? [];
  const [map] = words;
  if (map === undefined) return;
  if (/^include/.test(map)) {
    throw new IdentLineError(line, 'includes are not managed: give the lines themselves');
  }
  if (words.length !== 3) {
    throw new IdentLineError(
      line,
      `it has ${words.length} fields: map, system user, database user`,
    );
  }
  if (map.replaceAll('"', '') === IDENT_MAP) {
    throw new IdentLineError(line, `the map '${IDENT_MAP}' is ours: choose another name`);
  }
}
