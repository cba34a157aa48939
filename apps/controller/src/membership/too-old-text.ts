/** Null when a newcomer knows what the group uses already; else why it cannot take part. */
export function tooOldText(
  newcomer: { readonly name: string; readonly protocol: number },
  needed: number,
): string | null {
  const { name, protocol } = newcomer;
  if (protocol >= needed) return null;
  return (
    `'${name}' speaks the protocol up to level ${protocol}, the group has switched to ${needed}: ` +
    'install the version of the others there'
  );
}
