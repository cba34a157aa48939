import { DomainError } from '#libs/kernel';

/** Names and values of `postgresql.conf`. */
export type Settings = Readonly<Record<string, string>>;

export class SettingError extends DomainError {
  readonly code = 'SETTING_INVALID';
}

/** The file that we own; `postgresql.conf` includes it as its last line. */
export const MANAGED_CONF = 'matriarch.conf';

const HEADER =
  '# Written by Matriarch from the cluster settings: changes made here are lost.\n' +
  '# Use `matriarch config` to change them.\n';
const INCLUDE_LINE = `include_if_exists '${MANAGED_CONF}'`;
const NAME = /^[A-Za-z_][A-Za-z0-9_$]*(?:\.[A-Za-z_][A-Za-z0-9_$]*)?$/;
const LINE =
  /^\s*([A-Za-z_][A-Za-z0-9_$.]*)(?:\s*=\s*|\s+)(?:'((?:[^'\\\n]|''|\\.)*)'|([^\s'#]+))\s*(?:#.*)?$/;

/** A value in single quotes, as the configuration file's scanner reads it. */
export function quoteSettingValue(value: string): string {
  if (value.includes('\0')) throw new SettingError('a setting holds a zero byte');
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `'${escaped}'`;
}

/** The managed file: sorted, so that the same settings always give the same bytes. */
export function renderManagedConf(settings: Settings): string {
  const lines = Object.entries(settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      if (!NAME.test(name)) throw new SettingError(`'${name}' cannot be the name of a setting`);
      return `${name} = ${quoteSettingValue(value)}\n`;
    });
  return HEADER + lines.join('');
}

/** Reads the settings of a file; the last one of a name wins, as in PostgreSQL. */
export function parseSettings(text: string): Settings {
  const settings: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (match === null || name === undefined || name.startsWith('include')) continue;
    settings[name] = match[2] === undefined ? (match[3] ?? '') : unescaped(match[2]);
  }
  return settings;
}

/** The text without the lines that set one of the names; all other lines stay as they are. */
export function withoutSettings(text: string, isRemoved: (name: string) => boolean): string {
  return text
    .split('\n')
    .filter((line) => {
      const name = /^\s*([A-Za-z_][A-Za-z0-9_$.]*)(?:\s|=)/.exec(`${line} `)?.[1];
      return name === undefined || !isRemoved(name.toLowerCase());
    })
    .join('\n');
}

/** Of an earlier system that kept its files elsewhere: ours lie in the data directory. */
const PLACES = ['data_directory', 'config_file', 'hba_file', 'ident_file'];

/** `postgresql.conf` with our include as its last meaningful line: the last setting of a name wins. */
export function withManagedInclude(given: string): string {
  const text = withoutSettings(given, (name) => PLACES.includes(name));
  const lines = text.replace(/\n+$/, '').split('\n');
  const others = lines.filter((line) => line.trim() !== INCLUDE_LINE);
  const lastMeaningful = lines.findLast((line) => /^\s*[^#\s]/.test(line));
  if (lastMeaningful?.trim() === INCLUDE_LINE && others.length === lines.length - 1) return text;
  return `${others.join('\n')}\n${INCLUDE_LINE}\n`;
}

function unescaped(quotedBody: string): string {
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };
  return quotedBody.replace(/''|\\([0-7]{1,3}|.)/gs, (whole, code: string | undefined) => {
    if (whole === "''" || code === undefined) return "'";
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    return escapes[code] ?? code;
  });
}
