/** The known name that `wrong` was most likely meant to be; null when none is near. */
export function nearestName(wrong: string, known: readonly string[]): string | null {
  const spelled = plain(wrong);
  let nearest: string | null = null;
  let smallest = Math.max(2, Math.ceil(spelled.length / 3)) + 1;
  for (const name of known) {
    const candidate = plain(name);
    const partial = spelled.length >= 3 && shareAPart(candidate, spelled);
    const distance = partial ? 1 : editDistance(spelled, candidate);
    if (distance < smallest) {
      nearest = name;
      smallest = distance;
    }
  }
  return nearest;
}

/** `state_dir`, `state-dir` and `stateDir` are one spelling. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

function shareAPart(candidate: string, spelled: string): boolean {
  return candidate.startsWith(spelled) || candidate.endsWith(spelled);
}

/** Levenshtein: insertions, deletions and replacements that turn `from` into `to`. */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_unused, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const inserted = (current[column - 1] ?? 0) + 1;
      const deleted = (above[column] ?? 0) + 1;
      current.push(Math.min(replaced, inserted, deleted));
    }
    above = current;
  }
  return above[to.length] ?? 0;
}
