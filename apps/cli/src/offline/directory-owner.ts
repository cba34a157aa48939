import { lchown, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '#libs/kernel';

export type Owner = { readonly uid: number; readonly gid: number };

const ROOT = 0;

/** Of a directory; of one that is not there yet, of the one around it. */
export async function ownerOf(directory: string): Promise<Owner> {
  try {
    const { uid, gid } = await stat(directory);
    return { uid, gid };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(directory) === directory) throw error;
    return ownerOf(dirname(directory));
  }
}

/**
 * Files that root wrote would keep the controller, which runs as a user of its own, out of its own
 * directory: all of it gets the owner. Whoever is not root can only have written files of their own.
 */
export async function giveAllTo({ uid, gid }: Owner, directory: string): Promise<void> {
  if (process.getuid?.() !== ROOT) return;
  await lchown(directory, uid, gid);
  for (const { parentPath, name } of await within(directory)) {
    await lchown(join(parentPath, name), uid, gid);
  }
}

/** What root still has to do; empty when the directory is its user's. */
export function advice({ uid }: Owner, directory: string): string {
  if (process.getuid?.() !== ROOT || uid !== ROOT) return '';
  return `\nit belongs to root: give it to the user that runs the controller, as in \`chown -R matriarch: ${directory}\``;
}

function within(directory: string) {
  return readdir(directory, { recursive: true, withFileTypes: true });
}
