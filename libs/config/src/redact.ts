const HIDDEN = '***';
const SECRET_NAME = /^(password|passphrase|secret|token|pgpassword)$|(Password|Secret|Token)$/;
const MAX_DEPTH = 12;

/** A copy for logs: values of secret names and passwords in connection texts hidden, bigint as text. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '...';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Date) return value.toISOString();
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRET_NAME.test(name) && inner !== null && inner !== undefined
        ? HIDDEN
        : redact(inner, depth + 1),
    ]),
  );
}

/** Hides `password=...` of connection strings and `user:password@` of URLs. */
export function redactText(text: string): string {
  if (!/password|:\/\//i.test(text)) return text;
  return text
    .replaceAll(/\b((?:pg)?password\s*=\s*)('(?:[^'\\]|\\.|'')*'|[^\s'&]+)/gi, `$1${HIDDEN}`)
    .replaceAll(/(\w:\/\/[^:/@\s]+:)[^@\s]+@/g, `$1${HIDDEN}@`);
}
