/** What an isolated controller says of itself, wherever it is asked. */
export function isolated(name: string, finding: string): string {
  return (
    `controller '${name}' is isolated (${finding}): ask another one, and replace it with ` +
    `\`matriarch controllers replace ${name} --by NEW --address HOST:PORT\``
  );
}
