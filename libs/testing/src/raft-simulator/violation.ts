/** A broken rule of the protocol, found by looking at all members at once. */
export class Violation extends Error {
  override readonly name = 'Violation';

  constructor(
    readonly rule: string,
    values: Readonly<Record<string, unknown>>,
  ) {
    super(
      `${rule} ${JSON.stringify(values, (_key, value) => (typeof value === 'bigint' ? `${value}` : value))}`,
    );
  }
}
