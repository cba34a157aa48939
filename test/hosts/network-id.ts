import { existsSync, readdirSync } from 'node:fs';
import { isDead, ProcTable } from '#libs/process';
import { removeNamespaces } from './namespaces.ts';

const NAMESPACES = '/run/netns';
/** Names of links have at most 15 characters: `m` + pid + letter + `-own`. */
const OWNED = /^m(\d+)[a-z]-/;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
let made = 0;

/** Begins the name of everything in one network; says whose it is. */
export function ownNetworkId(): string {
  const letter = LETTERS[made % LETTERS.length] ?? 'a';
  made += 1;
  return `m${process.pid}${letter}`;
}

/** A run that was killed cannot clean up after itself: its processes and its hosts are still there. */
export async function removeNetworksOfTheDead(): Promise<void> {
  const proc = new ProcTable();
  const namespaces = existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : [];
  await removeNamespaces(
    namespaces.filter((name) => {
      const owner = OWNED.exec(name)?.[1];
      return owner !== undefined && isDead(proc.stat(Number(owner)));
    }),
  );
}
