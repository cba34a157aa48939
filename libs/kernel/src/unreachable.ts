/** Ends every `switch` over a union: a forgotten variant is a compile error, a foreign one throws. */
export function unreachable(value: never): never {
  throw new Error(`unhandled variant: ${JSON.stringify(value)}`);
}
