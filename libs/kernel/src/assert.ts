/** A broken invariant: the process must stop, it never carries on (architecture G7). */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';

  constructor(
    rule: string,
    readonly values: Readonly<Record<string, unknown>>,
  ) {
    super(`invariant broken: ${rule} (${describe(values)})`);
  }
}

/** States an invariant with the values that would show how it broke. On in production. */
export function assert(
  condition: boolean,
  rule: string,
  values: Readonly<Record<string, unknown>> = {},
): asserts condition {
  if (!condition) throw new InvariantError(rule, values);
}

/** The value, where its absence would be a programming error. */
export function present<T>(value: T | null | undefined, rule: string): T {
  if (value === null || value === undefined) throw new InvariantError(rule, {});
  return value;
}

function describe(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? json(value) : String(value)}`)
    .join(' ');
}

function json(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    typeof inner === 'bigint' ? inner.toString() : inner,
  );
}
